"""MLIC-KD-WSD: a detector that learned from image labels alone teaches a plain classifier.

Liu et al., "Multi-Label Image Classification via Knowledge Distillation from Weakly-Supervised
Detection", ACM MM 2018, https://arxiv.org/abs/1809.05884. The detector scores regions (WSDDN,
Bilen and Vedaldi 2016). The classifier first learns its features of regions, then its scores.

Shapes: B images, R regions, C labels, F features of the encoder, W width of a code.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from labelgraph.parts.epochs import Epochs
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.parts.losses import cross_entropy, full
from labelgraph.parts.windows import crops, every_window

LATTICE, SIDES = 7, [1, 3, 5, 7]  # regions are all windows of these sides, 84 in all
SAMPLES = 14  # per side of a region, in the mean over it
LEAST = 1e-4  # of the arguments of the detector's logarithms
OUTPUTS = ("student", "teacher")


def coder(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """The mean feature of a region or of the image -> its code (W)."""
    first = nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)
    return nn.Sequential(*first, nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout))


class Teacher(nn.Module):
    """Asks of each region which label it shows, and for each label which region shows it."""

    def __init__(self, code: nn.Module, hidden: int, labels: int, sharpness: float):
        super().__init__()
        self.code, self.sharpness = code, sharpness
        self.classes, self.regions = nn.Linear(hidden, labels), nn.Linear(hidden, labels)

    def probabilities(self, codes: Tensor, sharpness: float = 1.0) -> Tensor:
        """Codes (B, R, W) -> (B, C): between 0 and 1, since each label's regions share 1."""
        classes, regions = full(self.classes(codes)), full(self.regions(codes))  # (B, R, C)
        shares = (classes / sharpness).softmax(2) * (regions / sharpness).softmax(1)
        return shares.sum(1)


class Student(nn.Module):
    """`inverse`: one over the temperature of each label's score when it is taught."""

    def __init__(self, code: nn.Module, hidden: int, labels: int, softness: float):
        super().__init__()
        self.code = code
        self.classifier = nn.Linear(hidden, labels)
        self.inverse = nn.Parameter(torch.full((labels,), 1 / softness))


class MLICKDWSD(nn.Module):
    """`rounds`: the epochs that begin the second and the third stage."""

    def __init__(
        self, encoder: nn.Module, teacher: Teacher, student: Student, rounds: list[int], output: str
    ):
        super().__init__()
        self.encoder, self.teacher, self.student = encoder, teacher, student
        self.rounds, self.output, self.epochs = rounds, output, Epochs()
        self.register_buffer("windows", every_window(LATTICE, SIDES), persistent=False)  # (R, 4)

    def start_epoch(self, epoch: int, steps: int, images: Iterator[dict[str, Tensor]]) -> None:
        self.epochs.start(epoch, steps)

    def regions(self, features: Tensor) -> Tensor:
        """The mean over each region: (B, R, F)."""
        return crops(features, self.windows, 1, SAMPLES)[:, :, 0]

    def scores(self, features: Tensor) -> Tensor:
        """The student's, (B, C)."""
        return self.student.classifier(self.student.code(features.mean((2, 3))))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])
        if self.output == "student":
            return self.scores(features)
        found = self.teacher.probabilities(self.teacher.code(self.regions(features)))
        return torch.logit(found, LEAST)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        stage = sum(self.epochs.number() >= first for first in self.rounds)
        self.teacher.requires_grad_(stage == 0).train(self.training and stage == 0)
        self.student.requires_grad_(stage > 0).train(self.training and stage > 0)
        features = self.encoder(batch["image"])
        if stage == 0:
            found = self.teacher.probabilities(self.teacher.code(self.regions(features)))
            return of_images(entropy(found, batch["target"]), batch["known"])
        features = features.detach()
        return self.of_codes(features) if stage == 1 else self.of_scores(features, batch)

    def of_codes(self, features: Tensor) -> Tensor:
        """Half the squared distance between both codes of a region; the mean over regions."""
        regions = self.regions(features)
        with torch.no_grad():
            taught = self.teacher.code(regions)
        return (full(self.student.code(regions)) - taught).square().sum(-1).mean() / 2

    def of_scores(self, features: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The labels as they are given, and softened scores after the teacher's sharpened ones."""
        with torch.no_grad():
            codes = self.teacher.code(self.regions(features))
            taught = self.teacher.probabilities(codes, self.teacher.sharpness).clamp(max=1)
        scores = full(self.scores(features))
        values = cross_entropy(scores, batch["target"])
        softened = cross_entropy(scores * self.student.inverse, taught.to(scores.dtype))
        return of_images(values, batch["known"]) + of_images(softened, batch["known"])


class Untaught(nn.Module):
    """The student alone, which learns from the labels in all epochs."""

    def __init__(self, encoder: nn.Module, student: nn.Sequential):
        super().__init__()
        self.encoder, self.student = encoder, student

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        return self.student(self.encoder(batch["image"]).mean((2, 3)))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        return of_images(cross_entropy(self(batch), batch["target"]), batch["known"])


def entropy(found: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of probabilities, none of whose logarithms is below that of LEAST."""
    yes, no = found.clamp(min=LEAST).log(), (1 - found).clamp(min=LEAST).log()
    return -(target * yes + (1 - target) * no)


def of_images(values: Tensor, known: Tensor) -> Tensor:
    """The sum over known labels, the mean over images."""
    return (values * known).sum(1).mean()


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    hidden: int,
    dropout: float,
    rounds: list[int],
    sharpness: float,
    softness: float,
    taught: bool,
    output: str,
) -> nn.Module:
    if output not in OUTPUTS:
        raise ValueError(f"mlic_kd_wsd output is {output!r}; it may be one of {OUTPUTS}")
    if len(rounds) != 2 or rounds != sorted(rounds):
        raise ValueError(f"mlic_kd_wsd rounds are {rounds}; two rising epochs begin its stages")
    count = len(labels.names)
    code = coder(encoder.width, hidden, dropout)
    if not taught:
        return Untaught(encoder, nn.Sequential(*code, nn.Linear(hidden, count)))
    teacher = Teacher(coder(encoder.width, hidden, dropout), hidden, count, sharpness)
    return MLICKDWSD(encoder, teacher, Student(code, hidden, count, softness), rounds, output)
