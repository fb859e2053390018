"""One picture in memory -> all that a page shows of it, as plain data."""

import base64
import io
import threading
from typing import Any

from PIL import Image

from labelgraph.encoders import views
from labelgraph.files.images import decode
from labelgraph.own import painting
from labelgraph.own.reading import Trained
from labelgraph.predict import evidence, judging

NAME = "the picture"  # what errors call it
SHOWN = 10  # labels, at most
GRAIN = 112  # pixels a side of a map
WAIT = 30  # seconds for those who asked before


class BusyError(Exception):
    """Too many ask at once."""


class Oracle:
    """Answers one question at a time: decoding and looking take the memory of one picture."""

    def __init__(self, trained: Trained):
        self.trained = trained
        self.turn = threading.Lock()

    def ask(self, content: bytes) -> dict[str, Any]:
        """An OSError says why the content is no picture."""
        if not self.turn.acquire(timeout=WAIT):
            raise BusyError
        try:
            return self.look(content)
        finally:
            self.turn.release()

    def look(self, content: bytes) -> dict[str, Any]:
        trained = self.trained
        picture = decode(io.BytesIO(content), NAME)
        batch = trained.batch([trained.see(picture)])
        (judged,) = judging.judge(trained.scores(batch), trained.calibration, None)
        columns = judged.ranked()[:SHOWN]
        wanted = (judged.columns(None) or columns)[: evidence.MOST]
        (found,) = evidence.explain(trained.model, batch, [wanted])
        window = views.fixed(trained.settings.encoder.test_view)
        entries = {entry["label"]: entry for entry in judged.entries()}
        labels = [entries[judged.names[column]] for column in columns]
        for column, shown in found.items():
            entries[judged.names[column]] |= {
                "heat": address(painting.cover(shown.heat, (GRAIN, GRAIN)), "png"),
                "box": [round(edge, 4) for edge in shown.box],
            }
        return {
            "picture": address(painting.preview(picture), "jpeg"),
            "window": list(window[:4]),
            "labels": labels,
        }


def address(image: Image.Image, kind: str) -> str:
    """The image itself as an address, so that a page asks for nothing else."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
