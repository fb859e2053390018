"""Whether torch can use the GPUs that a job was given. Without them it would use the processor."""

import os
import warnings
from collections.abc import Iterator


def broken(names: list[str]) -> dict[str, str]:
    """Those that it cannot use, each with the reason.

    Asks in a process of its own, since one that has asked CUDA cannot fork any more.
    """
    found = {}
    for name in names:
        if reason := asked(name):
            found[name] = reason
    return found


def lines(step: str, broken: dict[str, str]) -> Iterator[str]:
    for name, reason in broken.items():
        yield f"{step}: torch cannot use {name} ({reason}); nothing is lost, another one is tried\n"


def asked(name: str) -> str:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        answer = "it stopped"
        try:
            os.environ["CUDA_VISIBLE_DEVICES"] = name
            answer = trouble()
        finally:
            os.write(writing, answer.encode()[:4000])
            os._exit(len(answer) > 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    return (said or "it crashed") if os.waitpid(child, 0)[1] else ""


def trouble() -> str:
    """Why torch cannot compute on the visible GPU, or nothing. Initialises CUDA."""
    import torch

    warnings.simplefilter("ignore")  # what torch warns of is in the error as well
    try:
        torch.cuda.init()
        torch.zeros(1, device="cuda").add_(1).item()
    except Exception as error:
        return str(error).strip().split("\n")[0] or type(error).__name__
    return ""
