"""The settings of a protocol, checked."""

import re
from dataclasses import dataclass
from typing import Any

KEYS = {"task", "parts", "tune", "seed", "selection"}
FEWSHOT = {"novel", "base_images", "shot_base_labels", "episodes", "files", "order"}
CHOICES = {
    "selection": ("tune", "report"),
    "base_images": ("hidden", "removed"),
    "shot_base_labels": ("hidden", "shown"),
}
TASK = re.compile(r"full|partial-[1-9][0-9]?|fewshot-(base|[1-9][0-9]?)")


@dataclass(frozen=True, kw_only=True)
class FewShot:
    shots: int  # least number of images of a novel label; 0 for the base stage
    novel: str | int | tuple[str, ...]  # coco, a number of labels to draw, or their names
    base_images: str  # what the base stage does with images that show a novel label
    shot_base_labels: str  # whether the shots' base labels may be used
    episodes: int  # how many to draw; 0 if `files` lists them
    files: tuple[str, ...]  # one episode each: positions in the training part
    order: str | None  # file that lists the images in the order of the positions; null: manifest


@dataclass(frozen=True, kw_only=True)
class Protocol:
    task: str
    train: str  # official part that fit, tune and shot images come from
    report: str  # official part that is reported
    tune: float  # fraction of the training images held out to choose the checkpoint
    seed: int
    selection: str  # tune, or report: the checkpoint is chosen on the reported images
    proportion: float | None  # fraction of known labels, in a partial-P task
    fewshot: FewShot | None


def read(settings: dict[str, Any]) -> Protocol:
    check_keys("the protocol", settings, KEYS, optional={"fewshot"})
    task, parts = settings["task"], settings["parts"]
    if not isinstance(task, str) or not TASK.fullmatch(task):
        raise ValueError(
            f"task is {task!r}; it may be full, partial-1 to partial-99, fewshot-base, or fewshot-1"
            " to fewshot-99"
        )
    check_keys("parts", parts, {"train", "report"}, optional=set())
    if parts["train"] == parts["report"]:
        raise ValueError(
            f"parts.train and parts.report are both {parts['train']!r}; name two different parts"
        )
    check_choices(settings)
    tune, seed = settings["tune"], settings["seed"]
    if not is_number(tune) or not 0 <= tune < 1:
        raise ValueError(f"tune is {tune!r}; it must be a fraction, from 0 to below 1")
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"seed is {seed!r}; it must be a whole number, 0 or more")
    kind, _, number = task.partition("-")
    block = settings.get("fewshot")
    if (kind == "fewshot") != (block is not None):
        raise ValueError(
            f"task is {task} and fewshot is {block}; a fewshot task needs this block, and no other"
            " task may have it"
        )
    return Protocol(
        task=task,
        **parts,
        tune=tune,
        seed=seed,
        selection=settings["selection"],
        proportion=int(number) / 100 if kind == "partial" else None,
        fewshot=read_fewshot(block, number) if block is not None else None,
    )


def read_fewshot(block: dict[str, Any], number: str) -> FewShot:
    check_keys("fewshot", block, FEWSHOT, optional=set())
    check_choices(block)
    novel, episodes, files, order = (block[key] for key in ("novel", "episodes", "files", "order"))
    if not (novel == "coco" or is_whole(novel) or (novel and is_names(novel))):
        raise ValueError(f"fewshot.novel is {novel!r}; give coco, a number, or a list of labels")
    right = is_names(files) and is_whole(episodes) and not (episodes > 0 and files)
    if not right or (number != "base" and not (episodes or files)):
        raise ValueError(
            f"fewshot.episodes is {episodes!r} and files {files!r}: give a number of episodes to"
            " draw and [], or 0 and a file for each episode"
        )
    if not (order is None or isinstance(order, str)):
        raise ValueError(f"fewshot.order is {order!r}; it must be a file name or null")
    novel = tuple(novel) if isinstance(novel, list) else novel
    shots = 0 if number == "base" else int(number)
    return FewShot(shots=shots, **block | {"novel": novel, "files": tuple(files)})


def check_keys(what: str, found: Any, required: set[str], *, optional: set[str]) -> None:
    if not isinstance(found, dict) or not required <= found.keys() <= required | optional:
        have = sorted(found) if isinstance(found, dict) else repr(found)
        also = f", and may have {sorted(optional)}" if optional else ""
        raise ValueError(f"{what} has {have}; it must have {sorted(required)}{also}")


def check_choices(block: dict[str, Any]) -> None:
    for key in CHOICES.keys() & block.keys():
        if block[key] not in CHOICES[key]:
            raise ValueError(f"{key} is {block[key]!r}; it may be {' or '.join(CHOICES[key])}")


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, float) or is_whole(value)


def is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
