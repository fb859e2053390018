"""Counts in sentences."""


def counted(count: int, one: str, several: str) -> str:
    """`1 file is` or `3 files are`."""
    return f"{count} {one if count == 1 else several}"
