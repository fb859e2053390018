"""The networks whose costs are counted and measured, with the settings of their papers."""

from typing import Any

from labelgraph.study.config import Book
from labelgraph.tables import tables

LABELS = 80  # of MS-COCO, the dataset of ML-SGM's Tables VIII and IX


def setup(book: Book) -> dict[str, Any]:
    """What is the same for all networks."""
    encoder = book.defaults.encoder
    return {"encoder": encoder.name, "size": encoder.size, "labels": LABELS}


def measured(book: Book) -> dict[str, Any]:
    """What measured times also depend on. A study with GPUs measures on one."""
    return {
        "batch": 8,
        "repeats": 3,
        "threads": 1,
        "device": "cuda" if book.size.gpu else "cpu",
        "precision": "float32",
        "channels_last": False,
    }


def settings(book: Book, systems: list[str]) -> dict[str, dict[str, Any]]:
    """method[@variant] -> its `model` block."""
    return {system: network(book, *system.partition("@")[::2]) for system in systems}


def network(book: Book, method: str, variant: str) -> dict[str, Any]:
    model, variants = book.method(method).model, book.variants(method)
    if variant not in variants:
        raise ValueError(f"{method} has no variant {variant!r}, only {list(variants)}")
    return model | (variants[variant].model or {})


def everyone(book: Book) -> list[str]:
    """All methods, and the variants in tables that show costs."""
    shown = {
        system
        for entry in book.tables.values()
        if tables.costly(entry)
        for system in tables.systems(entry).values()
    }
    return [*book.methods, *sorted(shown - book.methods.keys())]
