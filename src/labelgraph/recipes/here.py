"""What a run does of a paper's recipe, read from its settings: a short text for each item."""

from collections.abc import Callable
from decimal import Decimal

from labelgraph.encoders import views
from labelgraph.study import encoder_titles
from labelgraph.study.settings import Encoder, Settings, Train

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "exact": "none: the optimum is solved for"}
LEARNED = {"all": "all", "last_stage": "last stage and head", "nothing": "head"}
NORMALISED = {
    "all": "batch statistics",
    "last_stage": "batch statistics in the last stage, at rest before it",
    "nothing": "at rest in the encoder",
}
RESIZED = {"multiscale": "none", "none": "none"}
MIRRORED = {
    "sideways": "half, left to right",
    "both": "half, left to right; half, upside down",
    "none": "none",
}
KEPT = {"best": "best epoch on tune images", "last": "last epoch"}


def number(value: float | None) -> str:
    """0.00001, not 1e-05."""
    if value is None:
        return "none"
    return f"{Decimal(repr(value)).normalize():f}"


def numbers(values: list[float]) -> str:
    return ", ".join(map(number, values))


def optimizer(train: Train) -> str:
    if train.optimizer == "sgd":
        return f"SGD, momentum {number(train.momentum)}"
    return OPTIMIZERS[train.optimizer]


def encoder_rate(settings: Settings) -> str:
    training = settings.training
    return "at rest" if training.encoder.rests else number(training.train.encoder_lr)


def schedule(train: Train) -> str:
    if train.schedule == "step" and train.drop_at:
        return f"x{number(train.drop_by)} at {numbers(train.drop_at)}"
    if train.schedule == "exponential":
        return f"x{number(train.drop_by)} every epoch"
    return "constant" if train.schedule == "step" else train.schedule


def learned(settings: Settings) -> str:
    shots = settings.training.shots
    if shots and shots.learns != "all":
        return ", ".join(shots.learns)
    encoder = settings.training.encoder
    if last := encoder.last_stages:
        return f"{encoder_titles.last(last)} and head"
    return LEARNED["nothing" if encoder.rests else encoder.learns]


def normalised(encoder: Encoder) -> str:
    last = encoder.last_stages
    if last and encoder.learns.normalisation == "learns":
        return f"batch statistics in the {encoder_titles.last(last)}, at rest before"
    return NORMALISED["nothing" if last or encoder.rests else encoder.learns]


def crops(train: Train) -> str:
    if train.crops == "squares":
        return f"squares of {numbers(train.crop_sides)} of a side, anywhere"
    return "none" if train.crops == "none" else "multi-scale, even draw"


def test_view(encoder: Encoder) -> str:
    if encoder.test_view == "plain":
        return "all of it, squashed"
    window = views.fixed(encoder.test_view)
    whole = round(encoder.test_size / (window.right - window.left))
    return f"centre, {encoder.test_size} of {whole}"


def difficult(settings: Settings) -> str:
    scoring = settings.scoring
    return (
        f"{settings.training.difficult} in training, {scoring.difficult_ap} in AP,"
        f" {scoring.difficult_f1} in F1"
    )


ITEMS: dict[str, Callable[[Settings], str]] = {
    "optimizer": lambda run: optimizer(run.training.train),
    "encoder's rate": encoder_rate,
    "head's rate": lambda run: number(run.training.train.lr),
    "weight decay": lambda run: number(run.training.train.weight_decay),
    "decay of biases and normalisation": lambda run: (
        "yes" if run.training.train.decay_all else "no"
    ),
    "clipping": lambda run: number(run.training.train.clip),
    "epochs": lambda run: number(run.training.train.epochs),
    "schedule": lambda run: schedule(run.training.train),
    "batch": lambda run: number(run.training.train.batch),
    "precision": lambda run: run.training.train.precision,
    "learned parts": learned,
    "batch normalisation": lambda run: normalised(run.training.encoder),
    "image size": lambda run: number(run.training.encoder.size),
    "test size": lambda run: number(run.training.encoder.test_size),
    "resize": lambda run: RESIZED.get(run.training.train.crops, "to a square"),
    "training crops": lambda run: crops(run.training.train),
    "mirroring": lambda run: MIRRORED[run.training.train.mirror],
    "test view": lambda run: test_view(run.training.encoder),
    "checkpoint": lambda run: KEPT[run.training.train.select],
    "difficult objects": difficult,
}
