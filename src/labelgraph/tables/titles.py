"""The titles of methods and datasets in tables, figures and pages: each says what was run.

In a title of methods.yaml or tables.yaml, `{encoder}`, `{size}` and `{test_size}` stand for the
encoder and the sides of its training and test images. They come from the merged settings of the
run, so a study with another encoder has another title.
"""

import re
from collections.abc import Iterable

from labelgraph.study import encoder_titles
from labelgraph.study.config import Book, run_of
from labelgraph.study.settings import Encoder

FIELD = re.compile(r"{(encoder|size|test_size)}")


def system(book: Book, name: str, places: Iterable[str] = ()) -> str:
    """The title of method[@variant]; `places`: task/dataset of its runs."""
    method, _, variant = name.partition("@")
    title = book.method(method).title
    if variant:
        title = book.variant(name).title or f"{title}, {variant}"
    return filled(book, title, name, places)


def filled(book: Book, title: str, system: str, places: Iterable[str] = ()) -> str:
    """The title with its fields filled in; if places differ in it, each of the titles once."""
    if not FIELD.search(title):
        return title
    found = {}
    for place in list(places) or [f"full/{any_dataset(book)}"]:
        settings = book.settings(run_of(book.study, *place.split("/"), system, 0))
        found[fill(title, settings.training.encoder)] = None
    return " / ".join(found)


def any_dataset(book: Book) -> str:
    """The first that the study runs."""
    return next(filter(book.runs_on, book.datasets), next(iter(book.datasets)))


def fill(title: str, settings: Encoder) -> str:
    values = settings.lines() | {"encoder": encoder_titles.title(settings.name)}
    return FIELD.sub(lambda field: str(values[field[1]]), title)


def drawn(book: Book, dataset: str) -> bool:
    """Whether the study draws this dataset in place of its photographs."""
    raw = book.dataset(dataset).raw
    scenes = book.size.drawn.get(raw)
    return book.size.origin == "drawn" and scenes is not None and scenes.layout == raw


def dataset(book: Book, name: str) -> str:
    """The title of what was trained and tested on here."""
    title = book.dataset(name).title
    return f"drawn, {title} layout" if drawn(book, name) else title


def beside_print(book: Book, name: str) -> str:
    """The title for a column that also has published values, of the real dataset."""
    title = book.dataset(name).title
    return f"{title} (here: drawn)" if drawn(book, name) else title


def caption(book: Book, text: str, datasets: Iterable[str]) -> str:
    """The paper's caption, and what took the place of its datasets here."""
    names = [dataset(book, each) for each in dict.fromkeys(datasets) if drawn(book, each)]
    return f"{text} Here: {'; '.join(names)}." if names else text
