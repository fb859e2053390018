"""The files in workflow/config/ as models: what a study, a method, a dataset or a table may say.

A block that changes settings of another layer has the same lines as the block of defaults.yaml,
all of them optional: `partial` makes it. A line with the default None may be left out; it may be
null only where its type says so.
"""

import re
from copy import copy
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo, create_model
from pydantic_core import PydanticCustomError

from labelgraph.study.settings import Count, Encoder, Score, Shots, Train
from labelgraph.study.validation import (
    Block,
    Different,
    Inside,
    Letters,
    Line,
    Positive,
    Share,
    Some,
    Text,
    Whole,
    one_of,
    wanted,
)

M = TypeVar("M", bound=Block)
Lines = dict[str, Any]  # KEY: VALUE, read elsewhere
DatasetName = Annotated[str, one_of("datasets")]
MethodName = Annotated[str, one_of("methods")]
TableName = Annotated[str, one_of("tables")]
StudyName = Annotated[str, one_of("studies")]
PLACE = re.compile(r"(full|partial-[1-9]\d?)/(.+)")  # a task without few shots, and a dataset
LONGER = re.compile(r"(\w+_)?longer")  # variants that `convergence` makes (longer.py)
FROZEN = re.compile(r"(\w+_)?frozen")  # variants that `like` makes (frozen.py)


def place(value: str, info: ValidationInfo) -> str:
    found, known = PLACE.fullmatch(value), (info.context or {}).get("datasets")
    if not found or (known is not None and found[2] not in known):
        raise wanted("full/DATASET or partial-N/DATASET, such as full/voc2007")
    return value


def not_taken(variants: dict[str, Any]) -> dict[str, Any]:
    for line, pattern in (("convergence", LONGER), ("like", FROZEN)):
        if taken := [name for name in variants if pattern.fullmatch(name)]:
            said = f"names {taken}; a study's `{line}` makes such variants, so choose another name"
            raise PydanticCustomError("sentence", "{said}", {"said": said})
    return variants


def partial(model: type[M]) -> type[M]:
    """The same lines, none of them required."""
    fields = {}
    for name, field in model.model_fields.items():
        optional = copy(field)
        optional.default = None
        fields[name] = (field.annotation, optional)
    made = create_model(f"Some{model.__name__}", __base__=Block, **fields)
    made.__doc__ = model.__doc__
    return made


SomeEncoder, SomeTrain, SomeScore = partial(Encoder), partial(Train), partial(Score)


class Blocks(Block):
    """Lines of a run's settings."""

    encoder: SomeEncoder = Field(default=None, description="Lines of `encoder`.")
    model: Lines = Field(
        default=None, description="Keywords for the method's `build`; its file names them."
    )
    train: SomeTrain = Field(default=None, description="Lines of `train`.")
    score: SomeScore = Field(default=None, description="Lines of `score`.")


class SomeShots(partial(Shots)):
    """The second stage of a few-shot task, where it differs."""

    model: Lines = Field(default=None, description="Lines of `model` in this stage.")
    train: SomeTrain = Field(default=None, description="Lines of `train` in this stage.")


class Change(Blocks):
    """What a variant or a study changes."""

    title: Line = Field(default=None, description="The name in tables and figures.")
    partial: Blocks = Field(
        default=None, description="What is different when some labels are unknown."
    )
    shots: SomeShots = Field(
        default=None, description="What is different in the second stage of a few-shot task."
    )


class Variant(Change):
    """An ablation, a sweep point, or the released code."""

    recipe: Change = Field(
        default=Change(),
        description="What holds under the papers' protocol: lines of a study win over these, and"
        " the variant's own lines win over a study's.",
    )


class MethodChange(Change):
    """What a study changes of a method."""

    seeds: Positive = Field(
        default=None,
        description="How many of the study's seeds it is trained with; all if not given.",
    )
    variant_seeds: Positive | dict[str, Positive] = Field(
        default=None,
        description="The same for its variants, or for some by name; as many as itself if not"
        " given.",
    )
    datasets: dict[DatasetName, Change] = Field(
        default={}, description="What is different on one dataset."
    )


class Method(Change):
    """A method, named like its file in `src/labelgraph/models/`."""

    title: Line = Field(description="The name in tables and figures.")
    paper: Line = Field(default=None, description="Where the method was published.")
    known_from: Literal["code", "paper", "reading"] = Field(
        default=None,
        description="What its file was written from: `code`, released code; `paper`, a paper's"
        " text; `reading`, accounts at second hand, so that its core may differ from the paper's."
        " No run depends on it.",
    )
    against: Text = Field(
        default=None, description="The baseline it is compared with; `baseline` if not given."
    )
    inputs: Different[Literal["regions"]] = Field(
        default=[], description="What it takes besides images and labels."
    )
    datasets: dict[DatasetName, Change] = Field(
        default={}, description="What the paper sets differently for one dataset."
    )
    variants: Annotated[dict[str, Variant], AfterValidator(not_taken)] = Field(
        default={},
        description="Ablations, sweep points and released code, by name; `longer`, `frozen`"
        " and names that end with `_longer` or `_frozen` are taken.",
    )


class BaseShots(Shots):
    """The second stage of a few-shot task."""

    model: Lines = Field(description="Lines of `model` in this stage.")
    train: SomeTrain = Field(description="Lines of `train` in this stage.")


class Defaults(Block):
    """defaults.yaml: what every run starts from."""

    encoder: Encoder = Field(description="The encoder.")
    train: Train = Field(description="The training.")
    shots: BaseShots = Field(description="The second stage of a few-shot task.")
    score: Score = Field(description="The scoring.")


class Usual(Block):
    """What applies to the runs of a study where no method says otherwise."""

    encoder: Encoder = Field(description="The encoder.")
    train: Train = Field(description="The training.")
    score: Score = Field(description="The scoring.")


class Parts(Block):
    """Which part of the data trains and which is reported."""

    train: Text = Field(description="The part that trains.")
    report: Text = Field(description="The part that is reported.")


class Difficult(Block):
    """What a difficult label counts as."""

    train: Count = Field(description="In training.")
    ap: Count = Field(description="In average precision.")
    f1: Count = Field(description="In precision, recall and F1.")


class FewShot(Block):
    """Which labels are novel, and how their few images are chosen."""

    novel: Any = Field(
        description="The novel labels: `coco` for the 16 of LaSO, a number to draw, or their names."
    )
    base_images: Literal["hidden", "removed"] = Field(
        description="Base images with a novel label: the label is `hidden`, or the image `removed`."
    )
    shot_base_labels: Literal["hidden", "shown"] = Field(
        description="Whether the base labels of the few images are known."
    )
    pool: Literal["shown", "all"] = Field(
        description="Which reported images are judged: those with a novel label, or all."
    )
    episodes: Whole = Field(description="How many episodes are drawn; 0 where `files` has them.")
    files: Any = Field(
        description="Files with the positions of the images, one an episode; a list, or a list for"
        " each number of shots."
    )
    order: Text | None = Field(
        description="What the positions count: a COCO annotation file; null for the manifest."
    )


class Dataset(Block):
    """A dataset."""

    title: Line = Field(description="The name in tables and figures.")
    raw: Text = Field(description="The folder below data/raw/<origin>.")
    reader: Text = Field(description="The module in `manifest/readers/` that reads the folder.")
    folder: Text = Field(default=None, description="The folder of data of your own.")
    options: Lines = Field(description="Options of the reader.")
    parts: Parts = Field(description="The parts that train and that are reported.")
    tune: Share = Field(
        description="Share of the training part that chooses the checkpoint and calibrates."
    )
    tune_seed: Whole = Field(description="The seed that draws it.")
    difficult: Difficult = Field(description="What a difficult label counts as.")
    aliases: dict[str, Text] = Field(description="Words to look up instead of a label's own.")
    vectors: Text | None = Field(
        default="glove", description="Word vectors: glove, a text file, or null for none."
    )
    fewshot: FewShot = Field(default=None, description="Few shots; null for none.")


class Draw(Block):
    """Parts that are drawn."""

    share: Inside = Field(description="Share of the images in the part `test`.")
    seed: Whole = Field(description="The seed.")


class ReaderOptions(Block):
    """Options of the readers of your own data; each reader has some of them."""

    annotations: Text | dict[str, Text] = Field(
        default=None, description="The COCO file, or one for each part."
    )
    boxes: bool = Field(default=None, description="Whether boxes are read.")
    crowd: Literal["keep", "drop"] = Field(
        default=None, description="Whether a label counts that an image shows only as a crowd."
    )
    draw: Draw | None = Field(default=None, description="Draws the parts train and test.")
    empty_images: Literal["keep", "drop"] = Field(
        default=None, description="What happens to images without labels."
    )
    ending: Letters = Field(default=None, description="Ending of the images' names.")
    file: Text = Field(default=None, description="The table of labels.")
    folder: Letters = Field(default=None, description="A folder in the folder.")
    group: Text | None = Field(
        default=None, description="Column whose equal values stay in one part."
    )
    image: Text = Field(default=None, description="Column with the images' names.")
    images: Letters = Field(default=None, description="Folder of the images.")
    labels: Text | Some[Text] | None = Field(
        default=None,
        description="A column of labels, or several columns of 0 and 1; of VOC, lists or objects.",
    )
    names: Some[Text] | None = Field(default=None, description="The labels.")
    none: Text | None = Field(default=None, description="Folder of images without labels.")
    order: Literal["alphabetical", "id"] = Field(default=None, description="Order of the labels.")
    outside: bool = Field(
        default=None, description="Whether images outside of the folder may be named."
    )
    part: Text | None = Field(default=None, description="Column with the part of an image.")
    parts: Annotated[Different[Text], Field(min_length=2)] | None = Field(
        default=None, description="Folders or lists of the parts."
    )
    separator: Letters = Field(default=None, description="What separates labels.")


class OwnTable(Block):
    """The table of a dataset of your own."""

    caption: Line = Field(description="The caption; {title} is the dataset's.")
    task: Text = Field(description="The task.")
    metrics: Some[Text] = Field(description="The metrics.")
    titles: dict[str, Line] = Field(description="Titles of rows, by method[@variant].")
    rows: Literal["all"] | Some[Text] | None = Field(
        description="The rows: null for the usual ones, all, or a list of method[@variant]."
    )


class UsualRows(Block):
    """The usual rows of the table."""

    full: list[str] = Field(description="Where all labels are known.")
    missing: list[str] = Field(description="Added where labels are missing.")


class OwnEntry(Block):
    """What applies to data of your own where the entry says nothing else."""

    options: Lines = Field(description="Options of the reader.")
    parts: Parts = Field(description="The parts that train and that are reported.")
    tune: Share = Field(description="Share of the training part that chooses and calibrates.")
    tune_seed: Whole = Field(description="The seed that draws it.")
    difficult: Difficult = Field(description="What a difficult label counts as.")
    aliases: dict[str, Text] = Field(description="Words to look up instead of a label's own.")
    vectors: Text | None = Field(description="Word vectors: null, glove, or a text file.")


class OwnData(Block):
    """own_data.yaml."""

    entry: OwnEntry = Field(description="Lines of an entry.")
    required: dict[str, list[str]] = Field(description="Options that a reader requires.")
    options: dict[str, Lines] = Field(description="Options of each reader.")
    table: OwnTable = Field(description="The table of each dataset.")
    rows: UsualRows = Field(description="The usual rows of the table.")


class Columns(Block):
    """Columns of a table: metrics of a dataset, or costs."""

    dataset: DatasetName = Field(default=None, description="The dataset.")
    metrics: Some[Text] = Field(default=None, description="Metrics by flat name.")
    costs: Some[Text] = Field(default=None, description="Costs of the networks.")
    tasks: dict[str, str] = Field(
        default=None, description="Tasks, each with the published setting that shows it."
    )
    average: str = Field(
        default=None, description="The published setting that is the mean over `tasks`."
    )


class Table(Block):
    """A table of a paper, or of this repository."""

    paper: Text = Field(description="The paper, a file in workflow/published/; `own` for none.")
    table: Text = Field(description="The number or name of the table.")
    caption: Line = Field(description="The caption.")
    task: Text = Field(default=None, description="The task of all columns.")
    studies: Some[StudyName] = Field(
        default=None, description="The studies that make it; all if not given."
    )
    columns: Some[Columns] = Field(description="The columns.")
    runs: dict[str, Line] = Field(
        default=None, description="Published row: method[@variant] that is trained for it."
    )
    more: dict[str, Text] = Field(default=None, description="Further rows: method[@variant].")
    counted: dict[str, Text] = Field(
        default=None, description="Published row: method[@variant] whose cost is counted only."
    )
    quoted: dict[str, Line] = Field(
        default=None, description="Published row: why no run can stand behind it; a footnote."
    )
    seeds: Positive = Field(default=None, description="Use at most this many of the study's seeds.")
    spread: Text = Field(
        default=None, description="What the number after ± is: std, interval95 or pictures."
    )
    notes: Different[Line] = Field(default=None, description="Footnotes.")


class Drawing(Block):
    """A drawn dataset; the generator of its layout names its other settings."""

    model_config = Block.model_config | {"extra": "allow"}
    layout: Text = Field(description="The official layout.")

    def settings(self) -> dict[str, Any]:
        """The settings of the layout's generator."""
        return dict(self.model_extra or {})


class Convergence(Block):
    """Each method is trained once more for longer; tables say whose mAP that raises clearly."""

    times: Annotated[int, Field(ge=2, le=100)] = Field(
        description="How many times the epochs of a method's settings."
    )
    places: Some[Annotated[str, AfterValidator(place)]] = Field(
        description="Where methods are checked: full/DATASET or partial-N/DATASET. Tables of other"
        " datasets go by the first place of their kind of task."
    )
    variants: Different[Text] = Field(
        default=[],
        description="The method@variant that are checked themselves; other variants go by their"
        " method.",
    )


class Study(Change):
    """A study: how large everything is. The same lines may come with --config or --configfile."""

    title: Line = Field(description="The name.")
    note: Line = Field(description="What its tables are; printed below each.")
    like: Text = Field(
        default=None,
        description="Another study, all of whose lines hold here, too, but its title, note and"
        " remarks; the lines of this file are laid over them.",
    )
    origin: Literal["drawn", "official"] = Field(description="Where the images come from.")
    seeds: Some[Whole] = Field(description="The seeds of its runs.")
    selection: Literal["tune", "report"] = Field(
        description="The images that choose the checkpoint; `report` is what the papers did."
    )
    gpu: Annotated[int, Field(ge=0, le=1)] = Field(
        description="GPUs of each process; with 0, it computes on the processor."
    )
    gpu_share: Positive = Field(
        default=1,
        description="Jobs that share a GPU, where they are small; with `gpu: 1`, `processes: 1`.",
    )
    processes: Positive = Field(
        description="Processes that train one model together; 1 where features are cached."
    )
    models: Literal["kept", "removed"] = Field(
        default="kept",
        description="Whether models are `removed` as soon as nothing needs them any more, to save"
        " disk; scores, tables and figures stay.",
    )
    rehearsal: bool = Field(
        default=False, description="Whether its numbers mean nothing, so that no claim is judged."
    )
    local: dict[str, Text] = Field(
        default={}, description="Local copies of official files, by source."
    )
    seeds_of: dict[DatasetName, Positive] = Field(
        default={}, description="How many of the seeds are used on a dataset."
    )
    drawn: dict[str, Drawing] = Field(default={}, description="Drawn datasets, by raw folder.")
    only: Different[DatasetName] = Field(
        default=None, description="The datasets that are run; all by default."
    )
    tasks: Different[Text] = Field(
        default=None,
        description="The tasks that are run, such as full and partial-50; all by default. Cells of"
        " other tasks are quoted.",
    )
    boxes: dict[str, Text] = Field(
        default={}, description="Regions of your own, COCO results by dataset."
    )
    sizes: dict[Any, Positive] = Field(
        default={}, description="What the papers' image sides become."
    )
    widths: dict[Any, Positive] = Field(
        default={}, description="What the papers' widths of matching modules become."
    )
    detector: Lines = Field(default={}, description="Lines of the light detector's training.")
    tables: Different[Text] = Field(
        default=None, description="The tables that are made; all by default."
    )
    remarks: dict[TableName, Different[Line]] = Field(
        default={}, description="Footnotes of a table in this study."
    )
    convergence: Convergence | None = Field(
        default=None, description="Checks whether methods have converged; null for none."
    )
    figures: dict[str, Lines | None] = Field(
        default={},
        description="What a figure shows otherwise than in its paper. On the command line, a list"
        " of names stands for `only_figures`.",
    )
    only_figures: Different[Text] = Field(
        default=None, description="The figures that are made; all by default."
    )
    own_table: partial(OwnTable) = Field(
        default=None, description="Lines of the table of your own data."
    )
    methods: dict[MethodName, MethodChange] = Field(
        default={}, description="What the study changes of a method."
    )
    datasets: dict[Any, Lines | None] = Field(
        default={}, description="What the study changes of a dataset, and data of your own."
    )


SomeStudy = partial(Study)
KEYS = {"study", *Study.model_fields}  # of a file for --configfile
