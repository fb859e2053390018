"""SARB."""
