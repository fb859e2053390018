"""Graph-based multi-label image recognition, reproduced."""
