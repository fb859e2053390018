"""The two stages of a few-shot task.

`fewshot-base` is trained like any other task. A run of `fewshot-1` or `fewshot-5` starts from its
weights; the block `shots` of the settings says how it goes on.
"""

from typing import Any

from labelgraph.study.entries import FewShot

BASE = "fewshot-base"


def has_shots(task: str) -> bool:
    return task.startswith("fewshot-") and task != BASE


def few_shots(block: FewShot, task: str) -> dict[str, Any]:
    """A dataset's block for one task: the base stage has no episodes, each number its own files."""
    if not has_shots(task):
        return block.lines() | {"episodes": 0, "files": [], "order": None}
    files = block.files
    if isinstance(files, dict):
        files = files.get(int(task.removeprefix("fewshot-")), [])
    return block.lines() | {"files": files}
