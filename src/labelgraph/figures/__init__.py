"""Scores and an entry of figures.yaml -> a figure."""
