"""Shows the progress of a transfer: one updating line on a terminal, or lines in a log."""

import time
from collections.abc import Callable
from typing import TextIO

TERMINAL_SECONDS = 0.2  # between updates of the line
LOG_SECONDS = 10  # between lines


class Progress:
    """Bytes done of `total`, with the rate and the time left."""

    def __init__(self, title: str, stream: TextIO, clock: Callable[[], float] = time.monotonic):
        self.title, self.stream, self.clock = title, stream, clock
        self.terminal = stream.isatty()
        self.begin(0, None)

    def begin(self, done: int, total: int | None) -> None:
        """`done` bytes had arrived before and do not count for the rate."""
        self.first, self.done, self.total = done, done, total
        self.started = self.shown = self.clock()

    def add(self, count: int) -> None:
        self.done += count
        now = self.clock()
        if now - self.shown >= (TERMINAL_SECONDS if self.terminal else LOG_SECONDS):
            self.shown = now
            self.write(self.line(now), "" if self.terminal else "\n")

    def say(self, text: str) -> None:
        self.write(f"{self.title}: {text}", "\n")

    def finish(self, text: str) -> None:
        seconds = self.clock() - self.started
        self.say(f"{size(self.done)} in {duration(seconds)}; {text}")

    def write(self, text: str, end: str) -> None:
        start = "\r\x1b[K" if self.terminal else ""  # to the left edge, then clear the line
        self.stream.write(f"{start}{text}{end}")
        self.stream.flush()

    def line(self, now: float) -> str:
        rate = (self.done - self.first) / max(now - self.started, 1e-9)  # bytes a second
        parts = [f"{size(self.done)} of {size(self.total)}" if self.total else size(self.done)]
        parts.append(f"{size(rate)}/s")
        if self.total and rate:
            parts.append(f"{duration(max(self.total - self.done, 0) / rate)} left")
        return f"{self.title}: {', '.join(parts)}"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
