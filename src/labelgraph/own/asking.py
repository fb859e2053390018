"""One picture in memory -> everything that the page shows about it, as plain data."""

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

NAME = "the picture"  # its name in error messages
SHOWN = 10  # labels, at most
GRAIN = 112  # side of a map in pixels
WAIT = 30  # seconds that a request waits for earlier ones


class BusyError(Exception):
    """Too many requests at once."""


class Oracle:
    """Answers one request at a time, so that memory holds one picture at most."""

    def __init__(self, trained: Trained):
        self.trained = trained
        self.turn = threading.Lock()

    def ask(self, content: bytes) -> dict[str, Any]:
        """Raises OSError if the content is not a picture; its text says why."""
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
    """The image as a data: URL, so that the page requests nothing else."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
