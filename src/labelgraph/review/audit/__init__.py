"""The published tables, checked against themselves and each other."""
