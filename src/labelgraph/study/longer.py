"""Runs that learn longer than a method's settings say, to see whether it has converged.

`ml_sgm@longer` has the settings of `ml_sgm` in the study, whatever they are, and several times its
epochs; `ml_sgm@partial_longer` likewise for `ml_sgm@partial`. No file lists these variants: a study
with a block `convergence` has them.
"""

from typing import Any

from labelgraph.study.entries import LONGER
from labelgraph.study.merging import BEGINS
from labelgraph.study.settings import Settings
from labelgraph.study.validation import validated

NAME = "longer"


def system_of(system: str) -> str:
    """`ml_sgm` -> `ml_sgm@longer`."""
    method, _, variant = system.partition("@")
    return f"{method}@{variant}_{NAME}" if variant else f"{method}@{NAME}"


def is_longer(variant: str) -> bool:
    return bool(LONGER.fullmatch(variant))


def usual(variant: str) -> str:
    """The variant that learns as long as the settings say."""
    return variant.removesuffix(NAME).removesuffix("_")


def stretched(settings: Settings, variant: str, times: int) -> Settings:
    """The same training with everything that is an epoch `times` as late."""
    lines = settings.lines()
    training = lines["training"]
    train, model = training["train"], training["model"]
    later = {key: late(train[key], times) for key in ("epochs", "drop_at")}
    if train["schedule"] == "exponential":
        later["drop_by"] = train["drop_by"] ** (1 / times)  # so that it ends at the same rate
    begins = {key: late(model[key], times) for key in BEGINS & model.keys()}
    changed = {"variant": variant, "train": train | later, "model": model | begins}
    where = f"{training['study']}: {training['method']}@{variant} on {training['dataset']}: "
    return validated(Settings, where, lines | {"training": training | changed})


def late(epochs: Any, times: int) -> Any:
    return [each * times for each in epochs] if isinstance(epochs, list) else epochs * times
