"""Scores and an entry of tables.yaml -> a table."""
