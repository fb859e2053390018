"""Several processes that train one model: each reads and encodes a slice of every batch.

A loss may depend on the whole batch: on pairs of images, on the number of known labels, on
statistics, on random draws. So the features of the batch are gathered, and each process computes
the rest of the network and the loss for all of it, with the same random draws. The gradients of the
encoder are then added up. Up to rounding, this is the training of a single process, for every
method. Where the encoder learns, it and the reading of images are nearly all of the work, and these
are divided.

torch's DistributedDataParallel averages the losses of the slices. That is a different training
wherever a loss is not a mean over images.
"""

import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.inputs import batches
from labelgraph.predict import inference
from labelgraph.train.examples import Examples
from labelgraph.train.team.batch_norm import SharedNorm
from labelgraph.train.team.slices import Gathered, Slices, chance


class Alone:
    """One process does everything."""

    first, size, name = True, 1, ""

    def divide(self, model: nn.Module, examples: Examples) -> Examples:
        return examples

    def add_gradients(self, model: nn.Module) -> None:
        pass

    def check(self, model: nn.Module) -> None:
        pass

    def agree(self, late: bool, stop: bool) -> tuple[bool, bool]:
        return late, stop

    def by_first(self, work: Callable, *arguments: Any) -> Any:
        return work(*arguments)

    def say(self, text: str) -> None:
        """`name` says which training it is, since several run at the same time."""
        print(f"{self.name}{text}", file=sys.stderr)

    scores = staticmethod(inference.scores)

    def leave(self) -> None:
        pass


ALONE = Alone()


def join(name: str = "") -> Alone:
    """The team for which torchrun or torchrun.py started this process, if any.

    Its lines of progress begin with `name`.
    """
    started = "TORCHELASTIC_RUN_ID" in os.environ
    team = Team() if started and int(os.environ["WORLD_SIZE"]) > 1 else Alone()
    team.name = name
    return team


class Team(Alone):
    """This process and the others. All do the same in the same order."""

    def __init__(self) -> None:
        from torch import distributed  # not needed by a process alone

        self.talk, gpus = distributed, torch.cuda.device_count()
        if gpus:
            if (here := int(os.environ["LOCAL_WORLD_SIZE"])) > gpus:
                raise ValueError(f"{here} processes need a GPU each, and there are {gpus}")
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo")
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.first = self.rank == 0
        self.sizes: list[int] | None = None  # images of each process in a divided batch

    def leave(self) -> None:
        self.talk.destroy_process_group()

    def divide(self, model: nn.Module, examples: Examples) -> Examples:
        """From now on the encoder takes a slice and returns the features of the whole batch.

        Returns examples whose batches have the images of that slice.
        """
        SharedNorm.replace(model.encoder)

        def begin(encoder: nn.Module, given: tuple) -> None:
            self.before = chance()

        def gather(encoder: nn.Module, given: tuple, features: Tensor) -> Tensor:
            if chance() != self.before:
                raise ValueError(
                    "the encoder draws at random, which each process would do for its own images;"
                    " set processes to 1"
                )
            return Gathered.apply(features, self) if self.sizes else features

        model.encoder.register_forward_pre_hook(begin)
        model.encoder.register_forward_hook(gather)
        return replace(examples, inputs=Slices(examples.inputs, self))

    def gather(self, own: Tensor) -> Tensor:
        """The rows of all processes, in order. Slices are sent with the length of the longest."""
        if len(own) != self.sizes[self.rank]:
            raise RuntimeError(f"{len(own)} rows came from a slice of {self.sizes[self.rank]}")
        sent = own.new_zeros(max(self.sizes), *own.shape[1:])
        sent[: len(own)] = own
        found = [torch.empty_like(sent) for _ in self.sizes]
        self.talk.all_gather(found, sent)
        return torch.cat([part[:size] for part, size in zip(found, self.sizes, strict=True)])

    def add_gradients(self, model: nn.Module) -> None:
        """Adds up the gradients of the encoder.

        Every process has the whole gradient of the rest. On a GPU it may differ in its last bits,
        so all take that of the first process.
        """
        inside = {id(parameter) for parameter in model.encoder.parameters()}
        learnt = [parameter for parameter in model.parameters() if parameter.grad is not None]
        encoder = [parameter.grad for parameter in learnt if id(parameter) in inside]
        rest = [parameter.grad for parameter in learnt if id(parameter) not in inside]
        for grads, exchange in ((encoder, self.talk.all_reduce), (rest, self.from_first)):
            if grads:
                flat = torch.cat([grad.reshape(-1) for grad in grads])
                exchange(flat)
                parts = flat.split([grad.numel() for grad in grads])
                for grad, part in zip(grads, parts, strict=True):
                    grad.copy_(part.view_as(grad))

    def from_first(self, tensor: Tensor) -> None:
        self.talk.broadcast(tensor, 0)

    def check(self, model: nn.Module) -> None:
        """All processes must have the same weights and the same random state."""
        sums = [value.double().sum() for value in model.state_dict().values()]
        state = torch.stack(sums).cpu().numpy().tobytes() + chance()
        if len(set(self.collect(zlib.crc32(state)))) > 1:
            raise ValueError(
                "the processes no longer train the same model: something in the method depends on"
                " which process has which images; set processes to 1"
            )

    def collect(self, answer: Any) -> list[Any]:
        """The answers of all processes, in order."""
        answers = [None] * self.size
        self.talk.all_gather_object(answers, answer)
        return answers

    def agree(self, late: bool, stop: bool) -> tuple[bool, bool]:
        """Whether the first process is late, and whether any process was asked to stop."""
        flags = torch.tensor([late and self.first, stop], dtype=torch.int32)
        self.talk.all_reduce(flags, self.talk.ReduceOp.MAX)
        return bool(flags[0]), bool(flags[1])

    def by_first(self, work: Callable, *arguments: Any) -> Any:
        """Runs `work` in the first process only; all return its answer or raise its error."""
        answer: list[Any] = [None, None]
        if self.first:
            try:
                answer[0] = work(*arguments)
            except Exception as error:
                answer[1] = error
        self.talk.broadcast_object_list(answer, 0)
        if answer[1] is not None:
            raise answer[1]
        return answer[0]

    def say(self, text: str) -> None:
        if self.first:
            super().say(text)

    def scores(self, model, inputs, rows, settings, device) -> np.ndarray:
        """As `inference.scores`, but each batch is scored by one of the processes."""
        parts = batches.groups(rows, inference.BATCH)
        own = inference.of_groups(model, inputs, parts[self.rank :: self.size], settings, device)
        every = self.collect(own)
        ordered = [every[place % self.size][place // self.size] for place in range(len(parts))]
        return np.concatenate(ordered)
