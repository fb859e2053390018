"""IA-GCN."""
