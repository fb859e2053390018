"""The training loop: from a model and its examples to the weights that are kept.

A training can be stopped or killed at any moment and resumes to the same weights: everything random
depends on seed and epoch, or on a generator whose state is in the checkpoint.
"""

import copy
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.inputs import batches
from labelgraph.parts.losses import soft_margin
from labelgraph.predict import inference
from labelgraph.score.average_precision import label_precisions, mean
from labelgraph.study.settings import Train
from labelgraph.train.checkpoint import (
    Checkpoint,
    Tensors,
    optimizer_tensors,
    own_state,
    pack,
    random_state,
    restore_optimizer,
    restore_random,
    unpack,
)
from labelgraph.train.examples import Examples
from labelgraph.train.optimizer import follow, optimizer, set_rate
from labelgraph.train.team import parallel

QUIET_SECONDS = 30  # a training shorter than this prints nothing
STOPPED = 143  # exit code after SIGTERM


class Training:
    """The state of a training."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        settings: Train,
        seed: int,
        team: parallel.Alone = parallel.ALONE,
    ):
        self.model, self.examples, self.settings, self.seed = model, examples, settings, seed
        self.team, self.divided = team, team.divide(model, examples)
        self.device = next(model.parameters()).device
        self.optimizer = optimizer(model, settings)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=settings.precision == "float16"
        )
        self.average = copy.deepcopy(model) if settings.ema else None
        self.epoch, self.step, self.loss_sum = 0, 0, 0.0  # step: batches done in this epoch
        self.history: list[dict[str, float]] = []
        self.best: Tensors = {}
        self.per_epoch = -(-len(examples.fit) // settings.batch)
        self.stop = False

    def run(self, checkpoint: Checkpoint) -> Tensors:
        """Trains to the end and returns the weights to keep; exits with 143 after SIGTERM."""
        self.resume(checkpoint)
        signal.signal(signal.SIGTERM, self.ask_to_stop)
        self.started = self.saved = self.printed = time.monotonic()
        if self.settings.optimizer == "exact":
            self.solve()
            return self.best
        while self.epoch < self.settings.epochs:
            if self.step == 0:
                self.start_epoch()
            self.learn_epoch(checkpoint)
            self.end_epoch()
            self.keep_safe(checkpoint)
        return self.best

    def solve(self) -> None:
        """In place of all epochs, for a method that knows its optimum."""
        if not hasattr(self.model, "solve"):
            raise ValueError(
                "train.optimizer is exact, and the method has no `solve`: only baseline,"
                " partial_bce and very_deep can be solved; choose sgd, adam or adamw"
            )
        self.model.eval()
        self.average = None
        with torch.no_grad():
            fit, tune = (self.every_view(rows) for rows in (self.examples.fit, self.examples.tune))
            self.loss_sum, self.step = self.model.solve(fit, tune), 1
        self.end_epoch()

    def every_view(self, rows: np.ndarray) -> Iterator[dict[str, Tensor]]:
        parts = batches.groups(rows, inference.BATCH)
        for view in range(len(self.settings.views)):
            yield from self.examples.batches(parts, view, self.settings, self.device)

    def start_epoch(self) -> None:
        """Lets a method with a `start_epoch` read the fit images, without learning.

        The method must keep its results in buffers: a training that resumes in the middle of an
        epoch restores them and does not call `start_epoch` again.
        """
        if not hasattr(self.model, "start_epoch"):
            return
        parts = batches.groups(self.examples.fit, inference.BATCH)
        images = self.divided.batches(parts, None, self.settings, self.device)
        self.model.eval()
        with torch.no_grad(), inference.precision(self.settings.precision, self.device):
            self.model.start_epoch(self.epoch, self.per_epoch, images)

    def learn_epoch(self, checkpoint: Checkpoint) -> None:
        examples, settings = self.divided, self.settings
        self.model.train()
        inference.rest_frozen(self.model)
        parts = batches.shuffled(examples.fit, settings.batch, self.seed, self.epoch)
        chance = batches.Chance(self.seed, self.epoch)
        for batch in examples.batches(parts[self.step :], chance, settings, self.device):
            self.loss_sum += self.learn(batch)
            self.step += 1
            self.keep_safe(checkpoint)

    def learn(self, batch: dict[str, Tensor]) -> float:
        """One step of the optimizer."""
        settings = self.settings
        done = self.epoch * self.per_epoch + self.step
        set_rate(self.optimizer, settings, done, settings.epochs * self.per_epoch)
        with inference.precision(settings.precision, self.device):
            loss = loss_of(self.model, batch)
        if not loss.isfinite():
            raise FloatingPointError(
                f"the loss became {loss.item()} in epoch {self.epoch + 1}, step {self.step + 1};"
                f" lower train.lr ({settings.lr}) or set train.clip"
            )
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.team.add_gradients(self.model)
        if settings.clip:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.average is not None:
            follow(self.average, self.model, settings.ema)
        return loss.item()

    def end_epoch(self) -> None:
        """Evaluates the weights on the tune images and keeps the best."""
        kept = self.model if self.average is None else self.average
        row = {"epoch": self.epoch + 1, "loss": self.loss_sum / self.step, "tune_map": None}
        if len(self.examples.tune):
            where = self.examples.inputs, self.examples.tune, self.settings, self.device
            judged = self.team.scores(kept, *where).T, self.examples.codes[self.examples.tune].T
            precisions = label_precisions(*map(np.ascontiguousarray, judged), "ignored")
            row["tune_map"] = mean(precisions["non_interpolated"])
        earlier = [old["tune_map"] for old in self.history if old["tune_map"] is not None]
        better = row["tune_map"] is None or not earlier or row["tune_map"] > max(earlier)
        if better or self.settings.select == "last":
            self.best = {name: value.clone() for name, value in own_state(kept).items()}
        self.history.append(row)
        self.team.check(self.model)
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, 0.0
        self.tell(row)

    def tell(self, row: dict[str, float]) -> None:
        now = time.monotonic()
        if now - self.printed < QUIET_SECONDS:
            return
        self.printed = now
        left = (now - self.started) / self.epoch * (self.settings.epochs - self.epoch)
        tune = "" if row["tune_map"] is None else f", tune mAP {100 * row['tune_map']:.1f}"
        self.team.say(
            f"epoch {self.epoch} of {self.settings.epochs}: loss {row['loss']:.4f}{tune},"
            f" about {left:.0f} s left"
        )

    def ask_to_stop(self, *_: Any) -> None:
        self.stop = True

    def keep_safe(self, checkpoint: Checkpoint) -> None:
        """Between two steps: saves now and then, and always before stopping."""
        late = time.monotonic() - self.saved > self.settings.checkpoint_seconds
        late, stop = self.team.agree(late, self.stop)
        if late or stop:
            self.team.by_first(checkpoint.save, *self.state())
            self.saved = time.monotonic()
        if stop:
            self.team.say(f"stopped in epoch {self.epoch + 1}; the same command resumes it")
            sys.exit(STOPPED)

    def state(self) -> tuple[Tensors, dict[str, Any]]:
        tensors = {
            **pack("model", own_state(self.model)),
            **pack("optimizer", optimizer_tensors(self.optimizer)),
            **pack("best", self.best),
            **(pack("average", own_state(self.average)) if self.average is not None else {}),
            **random_state(self.device),
        }
        numbers = {name: getattr(self, name) for name in ("epoch", "step", "loss_sum", "history")}
        done = self.epoch * self.per_epoch + self.step
        return tensors, {**numbers, "done": done, "scaler": self.scaler.state_dict()}

    def resume(self, checkpoint: Checkpoint) -> None:
        if (found := self.team.by_first(checkpoint.load)) is None:
            return
        tensors, state = found
        self.model.load_state_dict(unpack("model", tensors), strict=False)
        restore_optimizer(self.optimizer, unpack("optimizer", tensors))
        if self.average is not None:
            self.average.load_state_dict(unpack("average", tensors), strict=False)
        self.best = unpack("best", tensors)
        restore_random(tensors, self.device)
        for name in ("epoch", "step", "loss_sum", "history"):
            setattr(self, name, state[name])
        self.scaler.load_state_dict(state["scaler"])


def loss_of(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The method's own objective if it has one."""
    if hasattr(model, "loss"):
        return model.loss(batch)
    return soft_margin(model(batch), batch["target"], batch["known"])
