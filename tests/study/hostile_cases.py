"""Hostile and clumsy input and the message for each: tables for test_hostile.py.

Every row: what is given, and what the one sentence says. The sentence names the file as well.
"""

import io
import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import torch

IMAGES = np.array(["a", "b", "c"])
LABELS = np.array(["cat", "dog"])
SCORES = np.array([[1, -1], [0.2, 0.3], [-2, 1]], np.float32)
DEEP = "[" * 100_000  # too many nested brackets
MARKS = "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n"


class Evil:
    """Whoever unpickles it leaves a file behind."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place / "PWNED"),)


def npz(**changes) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **{"images": IMAGES, "labels": LABELS, "scores": SCORES} | changes)
    return stream.getvalue()


def npy(shape: str) -> bytes:
    """An array that claims a shape and has no content."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()


def zipped(*members: tuple[str, bytes], encrypted: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            archive.NameToInfo.pop(name, None)  # or a second one of the name is warned of
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    content = bytearray(stream.getvalue())
    if encrypted:
        content[6] |= 1
        content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def torch_file(content) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def huge_png() -> bytes:
    """A hundred bytes that claim 50,000 x 50,000 pixels."""
    from odd_pictures import png

    return png(50_000, 50_000, 8, 0, b"\0" * 100)


NO_NPZ = "is not an .npz archive that loads without pickle"
PREDICTIONS = {
    "a pickle": (lambda place: pickle.dumps(Evil(place)), NO_NPZ),
    "an array of objects": (
        lambda place: zipped(("images.npy", pickled_array(place))),
        f"{NO_NPZ}: Object arrays cannot be loaded",
    ),
    "pickles in a zip": (lambda place: zipped(("scores.npy", pickle.dumps(Evil(place)))), NO_NPZ),
    "one that claims terabytes": (
        lambda place: zipped(("scores.npy", npy("(1000000000000, 2)"))),
        NO_NPZ,
    ),
    "a header of brackets": (lambda place: zipped(("scores.npy", npy("(" * 80))), NO_NPZ),
    "a locked archive": (lambda place: zipped(("scores.npy", b"x"), encrypted=True), "encrypted"),
    "a name that is there twice": (
        lambda place: zipped(("scores.npy", npy("(1,)")), ("scores.npy", npy("(2,)"))),
        "it holds 'scores.npy' twice",
    ),
    "half of it": (lambda place: npz()[:300], NO_NPZ),
    "an empty file": (lambda place: b"", NO_NPZ),
    "an empty archive": (lambda place: zipped(), "has no 'images'"),
    "scores as text": (lambda place: npz(scores=SCORES.astype(str)), "scores are <U"),
    "scores as dates": (
        lambda place: npz(scores=SCORES.astype("datetime64[s]")),
        "scores are datetime64",
    ),
    "names as numbers": (lambda place: npz(images=np.arange(3)), "images are int64; expected text"),
}
TARGETS = {
    "a pickle": (lambda place: pickle.dumps(Evil(place)), "is not a CSV file in UTF-8"),
    "another encoding": ("image,cat,dög\n".encode("latin-1"), "is not a CSV file in UTF-8"),
    "UTF-16": ("image,cat,dog\na,1,0\n".encode("utf-16"), "is not a CSV file in UTF-8"),
    "a field without an end": (b"image,cat,dog\n" + b"a" * 200_000, "field larger than"),
    "NUL after a name": (b"image,cat,dog\na\0,1,0\nb,0,1\nc,1,1\n", "is a binary file"),
    "marks of a merge": (b"image,cat,dog\n<<<<<<< HEAD\n", "row 2: '<<<<<<< HEAD' is not"),
    "semicolons": (b"image;cat\na;1\n", "needs a header"),
}


def pickled_array(place: Path) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Evil(place)], object), allow_pickle=True)
    return stream.getvalue()


def edit(file: str, **changes):
    """A block of a JSON or YAML file with other lines."""
    import yaml

    def spoil(run: Path) -> None:
        found = yaml.safe_load((run / file).read_text())
        for path, value in changes.items():
            block, _, key = path.rpartition("__")
            (found[block] if block else found)[key] = value
        (run / file).write_text(json.dumps(found))

    return spoil


def put(file: str, content):
    def spoil(run: Path) -> None:
        made = content(run) if callable(content) else content
        (run / file).write_bytes(made.encode() if isinstance(made, str) else made)

    return spoil


def resave(change):
    """model.safetensors with other tensors or texts."""
    from safetensors.torch import save_file

    from labelgraph.files.tensors import read_safetensors

    def spoil(run: Path) -> None:
        tensors, texts = read_safetensors(run / "model.safetensors")
        tensors, texts = change(tensors, texts)
        save_file(tensors, run / "model.safetensors", texts)

    return spoil


def relabel(name: str):
    """The first label is called otherwise."""

    def change(tensors, texts):
        about = json.loads(texts["labels"])
        about["names"] = [name, *about["names"][1:]]
        return tensors, {"labels": json.dumps(about)}

    return resave(change)


def regions_of(run: Path, detector: bytes, name: str) -> None:
    """As if the run's regions came from this detector."""
    from hashlib import sha256

    (run / name).write_bytes(detector)
    origin = {"source": str(run / name), "source_sha256": sha256(detector).hexdigest()}
    with (run / "regions-rpn.npz").open("wb") as stream:
        np.savez(stream, settings="{}", **origin)
    inputs = {str(run / "regions-rpn.npz"): ""}
    (run / "provenance.json").write_text(json.dumps({"inputs": inputs}))


def evil(place: Path) -> bytes:
    return pickle.dumps(Evil(place))


NO_WEIGHTS = "is not a weights file that loads without executing code (it holds more"
RUNS = {
    "a pickle as weights": (put("model.safetensors", evil), "model.safetensors is damaged"),
    "torch's pickle as weights": (
        put("model.safetensors", lambda run: torch_file(Evil(run))),
        "model.safetensors is damaged",
    ),
    "weights without texts": (resave(lambda t, m: (t, None)), "does not list the labels"),
    "labels that are brackets": (
        resave(lambda t, m: (t, {"labels": DEEP})),
        "does not list the labels",
    ),
    "fewer labels than weights": (
        resave(lambda t, m: (t, {"labels": json.dumps({"names": ["x"], "images": 1})})),
        "names 1 labels, whose counts, rates and vectors are",
    ),
    "edges of other labels": (
        resave(lambda t, m: (t | {"labels.edges": t["labels.counts"][:1].clone()}, m)),
        "whose counts, rates and vectors are",
    ),
    "labels that drive a terminal": (relabel("\x1b[31mred"), "label '\\x1b[31mred' cannot be"),
    "labels that turn around": (relabel("\u202eb"), "label '\\u202eb' cannot be written"),
    "a blank label": (relabel(" "), "label ' ' is blank; give it a name"),
    "a label twice": (relabel("bird"), "label 'bird' is listed twice"),
    "a dataset that drives a terminal": (
        edit("settings.yaml", dataset="\x1b[31m"),
        "settings.yaml: dataset is '\\x1b[31m'; expected a name",
    ),
    "weights of another shape": (
        resave(lambda t, m: ({k: v[:2].clone() if k[0] == "m" else v for k, v in t.items()}, m)),
        "model.safetensors does not fit the network",
    ),
    "weights that are not numbers": (
        resave(lambda t, m: ({k: v * float("nan") for k, v in t.items()}, m)),
        "has values that are not finite numbers",
    ),
    "settings with a tag that runs": (
        put("settings.yaml", "!!python/object/apply:os.mkdir [PWNED]"),
        "settings.yaml is not YAML: could not determine a constructor",
    ),
    "settings of brackets": (
        put("settings.yaml", DEEP),
        "settings.yaml: line 1: more than 50 nested blocks",
    ),
    "settings with marks of a merge": (
        put("settings.yaml", MARKS),
        "settings.yaml is not YAML: mapping values are not allowed",
    ),
    "settings of merge keys that multiply": (
        put("settings.yaml", lambda run: BOMBS["the same merged twice"][0]),
        "settings.yaml: its anchors (&, *) expand to more than 200,000 values",
    ),
    "no encoder": (edit("settings.yaml", encoder=3), "encoder is 3; it takes lines of KEY: VALUE"),
    "an unknown precision": (
        edit("settings.yaml", train__precision="float8"),
        "train.precision is 'float8'; expected one of float32, bfloat16",
    ),
    "no pixels": (
        edit("settings.yaml", encoder__test_size=0),
        "test_size is 0; expected a whole number from 1",
    ),
    "a pickle as the encoder": (
        lambda run: (
            put("e.pth", evil)(run),
            edit("settings.yaml", encoder__weights=str(run / "e.pth"))(run),
        ),
        f"e.pth {NO_WEIGHTS}",
    ),
    "an account that is a list": (put("provenance.json", "[]"), "it has no block of inputs"),
    "an account of brackets": (
        put("provenance.json", DEEP),
        "provenance.json: too many nested brackets",
    ),
    "a pickle as regions": (
        lambda run: (regions_of(run, b"", "d.pth"), put("regions-rpn.npz", evil)(run)),
        NO_NPZ,
    ),
    "a pickle as detector": (
        lambda run: regions_of(run, evil(run), "d.pth"),
        f"d.pth {NO_WEIGHTS}",
    ),
    "a pickle as light detector": (
        lambda run: regions_of(run, evil(run), "d.safetensors"),
        "d.safetensors is damaged",
    ),
    "temperature 0": (
        edit("calibration.json", temperature=0),
        "calibration.json: temperature is 0, which `calibrate` never writes",
    ),
    "thresholds above 1": (
        edit("calibration.json", thresholds=[2] * 5),
        "calibration.json: thresholds is [2, 2",
    ),
    "a temperature beyond every float": (
        lambda run: put(
            "calibration.json",
            (run / "calibration.json").read_text().replace("2.0", "1" + "0" * 400, 1),
        )(run),
        "calibration.json: temperature is 1000",
    ),
    "a number of 5,000 digits": (
        put("calibration.json", "9" * 5000),
        "calibration.json: a number with thousands of digits",
    ),
}
YAML = {
    "brackets": (DEEP, "line 1: more than 50 nested blocks"),
    "dashes": ("- " * 100_000, "more than 50 nested blocks"),
    "another encoding": ("a: ä".encode("latin-1"), "the file is not UTF-8 text"),
    "a block as key": ("? [1, 2]\n: 3\n", "line 1: a key is a block; expected a word"),
    "a program for Snakemake": (
        "__use_yte__: true\nstudy: ?open('PWNED', 'w')",
        "__use_yte__ makes Snakemake run the Python in this file; remove it",
    ),
    "an impossible day": ("a: 2024-99-99", "month must be in 1..12"),
    "marks of a merge": (MARKS, "is not YAML"),
    "an anchor in itself": ("&a [*a]", "an anchor (&, *) contains itself"),
    "anchors of anchors": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n"
            for name, after in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "its anchors (&, *) expand to more than 200,000 values",
    ),
}
HOLDS_ITSELF = "an anchor (&, *) contains itself, or anchors are nested too deeply"
TOO_MANY = "its anchors (&, *) expand to more than 200,000 values"


def levels(text: str, count: int = 30, first: str = "a0: &a0 {x: 1, y: 2}") -> str:
    """Lines that each repeat the one before; {a} is its name and {b} the line's own."""
    lines = (text.replace("{a}", f"a{k}").replace("{b}", f"a{k + 1}") for k in range(count))
    return "\n".join([first, *lines])


BOMBS = {  # a kilobyte or so each, refused before anything of it is written out
    "the same merged twice": (levels("{b}: &{b} {<<: [*{a}, *{a}]}"), TOO_MANY),
    "merged by two keys": (levels("{b}: &{b}\n  <<: *{a}\n  <<: *{a}"), TOO_MANY),
    "merged ten times": (levels(f"{{b}}: &{{b}} {{<<: [{','.join(['*{a}'] * 10)}]}}", 9), TOO_MANY),
    "merged, and merged within": (levels("{b}: &{b}\n  <<: *{a}\n  z: {<<: *{a}}"), TOO_MANY),
    "merged and repeated": (levels("{b}: &{b} {<<: *{a}, k: [*{a}]}"), TOO_MANY),
    "merged by a tag": (levels("{b}: &{b} {!!merge k: [*{a}, *{a}]}"), TOO_MANY),
    "merged into a set": (levels("{b}: &{b} !!set {<<: [*{a}, *{a}]}"), TOO_MANY),
    "merged through an anchor's anchor": (
        levels("{b}: &{b} {<<: [*{a}, *{a}]}", first="a: &a {x: 1}\na0: &a0 {<<: [*a, *a]}"),
        TOO_MANY,
    ),
    "lists": (levels("{b}: &{b} [*{a}, *{a}]"), TOO_MANY),
    "pairs": (levels("{b}: &{b} !!pairs [{a: *{a}}, {b: *{a}}]"), TOO_MANY),
    "an anchor merged into itself": ("&a {<<: *a}", HOLDS_ITSELF),
    "two merged into each other": ("a: &a\n  b: &b {<<: [*a]}\n  <<: *b", HOLDS_ITSELF),
    "a block in itself": ("a: &a {b: *a}", HOLDS_ITSELF),
    "3,000 within each other": (levels("{b}: &{b} [*{a}]", 3000), HOLDS_ITSELF),
    "3,000 merged one by one": (levels("{b}: &{b} {<<: *{a}, k{a}: 1}", 3000), HOLDS_ITSELF),
    "a number in base 60": (f"a: {'1:' * 50_000}1", "line 1: a number of 100,001"),
    "a fraction in base 60": (f"a: {'1:' * 50_000}1.5", "line 1: a number of 100,003"),
    "a key of digits": (f"? {'1:' * 50_000}1\n: a", "line 1: a number of 100,001 characters"),
}
OWN = "datasets.pets"
SETTINGS = {  # --config, or a file with the same lines
    "a block as null": ({"train": None}, "--config: train is null; it takes lines of KEY: VALUE"),
    "more mistakes than a page shows": (
        {"methods": {f"m{k}": {} for k in range(1000)}, "train": {f"t{k}": 1 for k in range(1000)}},
        "--config: methods has unknown keys ['m0', 'm1', 'm10', 'm100', 'm101', 'm102', ...]",
    ),
    "mistakes without end": (
        {"drawn": {f"d{k}": {} for k in range(1000)}},
        "and 980 more mistakes",
    ),
    "a key of 10,000 letters": ({"drawn": {"x" * 10_000: {}}}, "xxx...xxx"),
    "a text of 10,000 letters": ({"origin": "x" * 10_000}, "; expected one of drawn, official"),
    "train=3": ({"train": 3}, "--config: train is 3; it takes lines of KEY: VALUE"),
    "an unknown key": ({"train": {"lrr": 1}}, "train has unknown keys ['lrr']; known are ["),
    "a rate that is no number": ({"train": {"lr": float("nan")}}, "train.lr is nan"),
    "half an epoch": ({"train": {"epochs": 10.5}}, "train.epochs is 10.5; expected a whole number"),
    "a view that is none": (
        {"train": {"views": ["upside"]}},
        "train.views[0] is 'upside'; expected one of plain, flip, centre",
    ),
    "a drop at a word": ({"train": {"drop_at": ["a"]}}, "train.drop_at[0] is 'a'"),
    "an average of 5": (
        {"train": {"ema": 5}},
        "train.ema is 5; expected a share above 0, up to 1, or null",
    ),
    "an unknown encoder": (
        {"encoder": {"name": "vgg"}},
        "encoder.name is 'vgg'; expected one of efficientnet_lite0",
    ),
    "images of no size": (
        {"encoder": {"size": 0}},
        "encoder.size is 0; expected a whole number from 1 to 4096",
    ),
    "a probability of 1": (
        {"score": {"threshold": 1}},
        "score.threshold is 1; expected a share, above 0 and below 1",
    ),
    "top labels of another number": ({"score": {"top": 5}}, "no metric 'CP_top3'"),
    "top labels of another number in one method": (
        {"methods": {"ml_gcn": {"score": {"top": 5}}}},
        "no metric 'CP_top3'",
    ),
    "no seeds": ({"seeds": []}, "--config: seeds is []; expected a list, of 1 or more"),
    "a seed twice": ({"seeds": [0, 0]}, "--config: seeds names 0 twice"),
    "a negative seed": ({"seeds": [-1]}, "--config: seeds[0] is -1; expected a whole number"),
    "seeds of nothing": ({"seeds_of": {"voc": 1}}, "seeds_of has unknown keys ['voc']; known are"),
    "a table as a word": (
        {"tables": "ml_sgm_II"},
        "--config: tables is 'ml_sgm_II'; expected a list",
    ),
    "only a word": ({"only": "voc2007"}, "--config: only is 'voc2007'; expected a list"),
    "an unknown selection": (
        {"selection": "reprot"},
        "selection is 'reprot'; expected one of tune",
    ),
    "an origin outside": ({"origin": "../.."}, "origin is '../..'; expected one of drawn"),
    "GPUs as a word": ({"gpu": "x"}, "--config: gpu is 'x'; expected a whole number"),
    "an unknown method": ({"methods": {"mlgcn": {}}}, "methods has unknown keys ['mlgcn']"),
    "an unknown line of a method": (
        {"methods": {"ml_gcn": {"modl": 1}}},
        "--config: methods.ml_gcn has unknown keys ['modl']",
    ),
    "a width beyond every float": (
        {"methods": {"ml_gcn": {"model": {"hidden": 10**400}}}},
        "model.hidden is 10000000",
    ),
    "widths within widths": (
        {"methods": {"ml_sgm": {"model": {"widths": [[8]]}}}},
        "model.widths[0] is [8]; it takes something like",
    ),
    "a width as a block": (
        {"methods": {"ml_sgm": {"model": {"widths": {"a": 1}}}}},
        "model.widths is {'a': 1}; it takes something like",
    ),
    "a width as a word": (
        {"methods": {"ml_gcn": {"model": {"hidden": "x"}}}},
        "model.hidden is 'x'; it takes something like",
    ),
    "a share of 2": ({"datasets": {"voc2007": {"tune": 2}}}, "voc2007.tune is 2; expected a share"),
    "options as a word": (
        {"datasets": {"voc2007": {"options": 3}}},
        "datasets.voc2007.options is 3; it takes lines",
    ),
    "episodes below none": (
        {"datasets": {"coco2014": {"fewshot": {"episodes": -1}}}},
        "fewshot.episodes is -1; expected a whole number",
    ),
    "boxes for nobody": (
        {"boxes": {"voc": "x.json"}},
        "boxes names 'voc', which study mini does not run; it runs ['coco2014', ",
    ),
    "boxes that are not there": (
        {"boxes": {"coco2014": "x.json"}},
        "boxes.coco2014 is x.json, which is not a file; expected regions as COCO results",
    ),
    "a drawing without layout": ({"drawn": {"voc2007": {}}}, "drawn.voc2007 lacks ['layout']"),
    "a study outside": ({"study": "../methods"}, "there is no"),
    "a list as study": (
        {"study": ["mini"]},
        "has ['evening', 'laptop', 'mini', 'own', 'paper', 'rehearsal']",
    ),
    "an anchor in itself": ({"train": "SELF"}, "--config: an anchor (&, *) contains itself"),
    "a metric that is none": (
        {"study": "own", "own_table": {"metrics": ["mapp"]}, "datasets": "PETS"},
        "tables.own_pets: no metric 'mapp'; there are",
    ),
    "a task that is none": (
        {"study": "own", "own_table": {"task": "fulll"}, "datasets": "PETS"},
        "tables.own_pets: task is 'fulll'",
    ),
}
ENTRIES = {  # of data of one's own
    "no folder": ({"folder": ""}, f"{OWN}.folder is"),
    "a list as reader": (
        {"reader": ["folders"]},
        f"{OWN}.reader is ['folders']; expected one of folders",
    ),
    "a title that drives the terminal": (
        {"title": "\x1b[31mred"},
        f"{OWN}.title is '\\x1b[31mred'; expected a text on one line, without control characters",
    ),
    "a title of two lines": ({"title": "a\nTable: b"}, "expected a text on one line"),
    "a number as title": ({"title": 3}, f"{OWN}.title is 3; expected a text"),
    "difficult without ap": ({"difficult": {"train": "x"}}, f"{OWN}.difficult.train is 'x'"),
    "a list of aliases": ({"aliases": ["x"]}, f"{OWN}.aliases is ['x']; it takes lines"),
    "one part": ({"parts": {"train": "a"}}, f"{OWN}.parts lacks ['report']"),
    "the same parts": ({"parts": {"train": "a", "report": "a"}}, f"{OWN}.parts are both 'a'"),
    "tune on all": ({"tune": 1}, f"{OWN}.tune is 1; expected a share"),
    "a word as parts": ({"options": {"parts": "train"}}, f"{OWN}.options.parts is 'train'"),
    "a share of 2": ({"options": {"draw": {"share": 2, "seed": 0}}}, "options.draw.share is 2"),
    "a draw without seed": ({"options": {"draw": {"share": 0.5}}}, "options.draw lacks ['seed']"),
}
COCO = {  # instances.json: the value of one key
    "images that are none": ({"images": 3}, "its first image has no file_name"),
    "a picture of a number": (
        {"images": [{"id": 1, "file_name": "0.png"}, {"id": 2, "file_name": 7}]},
        "file_name of entry 2 is '7'; expected text",
    ),
    "a label of nothing": (
        {"categories": [{"id": 1, "name": None}]},
        "name of entry 1 is 'None'; expected text",
    ),
    "an id that is a list": (
        {"categories": [{"id": [1], "name": "cat"}]},
        "category: id of entry 1 is '[1]'",
    ),
    "annotations that are a number": ({"annotations": 3}, "annotation: found int, expected a list"),
    "a box of 400 digits": (
        {"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 10**400]}]},
        "annotation 1: box",
    ),
}
TABLES = {
    "NUL": (b"image,labels\n0.png,c\0t\n", "row 1: a NUL character"),
    "no header": (
        b"0.png,cat\n1.png,dog\n",
        "has no header: its first line names the image '0.png'",
    ),
    "two columns of one name": (b"image,labels,labels\n0.png,a,b\n", "two columns are called"),
    "another encoding": ("image,labels\n0.png,ä\n".encode("latin-1"), "cannot be read as a table"),
    "a label that rings": (
        b"image,labels\n0.png,a\n1.png,\x07\n",
        "label '\\x07' cannot be written",
    ),
}
POSITIONS = {
    "p.pkl": (evil, "A pickle can execute code, so none is read"),
    "p.npy": (pickled_array, "Object arrays cannot be loaded"),
    "p.json": (lambda place: DEEP.encode(), "too many nested brackets"),
    "q.json": (lambda place: b"[1e400]", "expected a list of whole numbers"),
    "r.txt": (lambda place: b"9" * 30, "expected a list of whole numbers"),
    "q.npy": (lambda place: npy("(1000000000000,)"), "q.npy: "),
}
BOXES = {
    "a pickle": (evil, "not JSON"),
    "brackets": (lambda place: DEEP.encode(), "too many nested brackets"),
    "images that are none": (lambda place: b'{"images": 3, "annotations": []}', "`images` is no"),
    "400 digits": (
        lambda place: b'[{"image_id": 1, "score": 1, "bbox": [0, 0, 1, 1' + b"0" * 400 + b"]}]",
        "entry 1: found",
    ),
    "a word for a box": (
        lambda place: b'[{"image_id": 1, "score": 1, "bbox": "1234"}]',
        "entry 1: found",
    ),
}
WORDS = {
    "w.txt": (lambda place: b"x" * 3_000_000, "line 1: more than 1,048,576 bytes"),
    "v.txt": (evil, "line 1: 0 numbers after"),
    "w.zip": (lambda place: zipped(("a.txt", b"cat 1 2"), encrypted=True), "is damaged"),
    "v.zip": (evil, "is damaged"),
}
WEIGHTS = {
    "e.pth": (evil, NO_WEIGHTS),
    "f.pth": (lambda place: torch_file(Evil(place)), NO_WEIGHTS),
    "g.pth": (lambda place: zipped(("archive/data.pkl", evil(place))), "is not a weights file"),
    "h.pth": (lambda place: torch_file([1]), "holds a list; expected tensors by name"),
    "i.pth": (lambda place: torch_file({"a": torch.ones(1)}), "does not fit the network"),
    "j.safetensors": (evil, "j.safetensors is damaged"),
}

HEAD, LINE = '{"format": 6}\n', {"in": "", "own": [], "sources": {}, "params": [], "rule": {}}
NO_RECORDS = "does not hold one JSON value a line; remove it, or `git checkout"
RECORDS = {  # results/records.jsonl
    "marks of a merge": (MARKS, NO_RECORDS),
    "another list": ("[1]\n", NO_RECORDS),
    "a number": (f"{HEAD}3\n", NO_RECORDS),
    "half a line": (HEAD + json.dumps({"made": {"x": "a"}}), NO_RECORDS),
    "a name of itself": (
        f'{HEAD}{{"name": "#a", "is": "#a"}}\n'
        + json.dumps(LINE | {"made": {"x": "a"}, "inputs": "#a"}),
        NO_RECORDS,
    ),
    "a file outside": (
        HEAD + json.dumps(LINE | {"made": {"../../x": "a"}, "inputs": []}),
        "names '../../x', which leads out of this folder",
    ),
}
