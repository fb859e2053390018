"""Picture files -> what each shows, or why it cannot be used; and pictures of the evidence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from labelgraph.encoders import views
from labelgraph.own import painting, pictures
from labelgraph.own.reading import Sight, Trained
from labelgraph.predict import evidence, judging
from labelgraph.predict.judging import Judgement


@dataclass(frozen=True)
class Answer:
    path: Path
    judgement: Judgement | None  # None if the file cannot be used
    error: str = ""
    saved: dict[str, str] = field(default_factory=dict)  # label -> the picture of its evidence
    unexplained: tuple[str, ...] = ()  # labels without evidence in the picture


def look(
    trained: Trained, files: Sequence[Path], threshold: float | None, folder: Path | None
) -> Iterator[Answer]:
    """In the order of the files. `folder`: where to save pictures of the evidence, if anywhere."""
    names = FileNames()

    def see(picture: np.ndarray) -> tuple[Sight, Image.Image | None]:
        return trained.see(picture), painting.preview(picture) if folder else None

    for group in pictures.read(files, see):
        sound = [(path, *seen) for path, seen in group if not isinstance(seen, str)]
        answers = {path: Answer(path, None, seen) for path, seen in group if isinstance(seen, str)}
        if sound:
            batch = trained.batch([sight for _, sight, _ in sound])
            judged = judging.judge(trained.scores(batch), trained.calibration, threshold)
            wanted = [each.columns(None)[: evidence.MOST] if folder else [] for each in judged]
            shown = evidence.explain(trained.model, batch, wanted)
            window = views.fixed(trained.settings.encoder.test_view)
            for (path, _, image), each, some, found in zip(
                sound, judged, wanted, shown, strict=True
            ):
                start = folder / names.of(path) if folder else path
                saved = save(start, image, each, found, window)
                without = tuple(each.names[column] for column in some if column not in found)
                answers[path] = Answer(path, each, "", saved, without)
        yield from (answers[path] for path, _ in group)


def save(
    start: Path,
    image: Image.Image | None,
    judgement: Judgement,
    found: dict[int, evidence.Evidence],
    window: views.Window,
) -> dict[str, str]:
    """One picture for each label, at `start` followed by the label's name."""
    saved = {}
    for column, shown in found.items():
        name = judgement.names[column]
        text = f"{name} {100 * judgement.probabilities[column]:.0f} %"
        path = start.with_name(f"{start.name}-{plain(name)}.jpg")
        painting.write(path, painting.paint(image, shown, window, text))
        saved[name] = str(path)
    return saved


class FileNames:
    """A name for each file; a name that was used before gets a number."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}

    def of(self, path: Path) -> str:
        stem = plain(path.stem)
        self.used[stem] = count = self.used.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}-{count}"


def plain(text: str) -> str:
    """A name that any file system accepts."""
    return re.sub(r"[^\w.-]+", "_", text) or "_"
