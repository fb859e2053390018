"""PASCAL VOC's folders, with any labels: Annotations/*.xml, ImageSets/Main/*.txt and JPEGImages.

With `labels: lists` they come from ImageSets/Main/<label>_<part>.txt, and XML gives boxes only;
with `labels: objects` from the objects in the XML, where a label is difficult if all its objects
are. Parts are the lists ImageSets/Main/<part>.txt, or are drawn from all annotated images.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from labelgraph.files.names import check as check_name
from labelgraph.manifest.manifest import (
    DIFFICULT,
    NO,
    UNKNOWN,
    YES,
    Manifest,
    no_boxes,
)
from labelgraph.manifest.readers import _parts
from labelgraph.manifest.readers._reading import (
    as_boxes,
    below,
    box_fields,
    check_choice,
    check_parts,
    positions,
    present,
    read_lines,
)

EDGES = ("xmin", "ymin", "xmax", "ymax")
MEANING = {"1": YES, "-1": NO, "0": DIFFICULT}  # the lists' code -> ours
Thing = tuple[str, bool, tuple[float, ...]]  # name, whether difficult, box


def read(
    root: Path,
    *,
    folder: str,
    parts: list[str] | None,
    draw: dict | None,
    names: list[str] | None,
    labels: str,
    boxes: bool,
    ending: str,
    outside: bool,
) -> Manifest:
    """Images in list order, one part after the other. `names: null` takes all names found."""
    for option, value in (("boxes", boxes), ("outside", outside)):
        check_choice(option, value, (True, False))
    check_parts(parts=parts, draw=draw)
    check_labels(labels, parts)
    here = root / folder
    lists = here / "ImageSets" / "Main"
    if parts:
        ids, sides = listed(lists, parts)
    else:
        ids, sides = annotated(here / "Annotations"), []
    shown = f"{folder or '.'}/JPEGImages"
    paths = [below(shown, image, ending, outside, place) for image, place in ids.items()]
    files = [here / "Annotations" / f"{image}.xml" for image in ids]
    things = [read_objects(file) for file in files if boxes or labels == "objects"]
    names = names or found_names(lists, parts or [], things, labels)
    if labels == "lists":
        codes = np.concatenate([read_part(lists / f"{part}.txt", names) for part in parts])
    else:
        codes = seen(things, names, here)
    return Manifest(
        images=np.array(paths),
        parts=np.array(sides) if parts else _parts.drawn(codes == YES, draw, None),
        names=tuple(names),
        labels=codes,
        **(boxes_of(things, names, here / "Annotations", [*ids]) if boxes else no_boxes()),
    )


def check_labels(labels: str, parts: list[str] | None) -> None:
    """The lists of labels belong to parts."""
    check_choice("labels", labels, ("lists", "objects"))
    if labels == "lists" and not parts:
        raise ValueError(f"option labels is {labels!r}; without parts it must be 'objects'")


def annotated(folder: Path) -> dict[str, str]:
    """The images that have an XML file, each with that file."""
    return {path.stem: str(path) for path in sorted(folder.glob("*.xml"), key=lambda p: p.stem)}


def listed(lists: Path, parts: list[str]) -> tuple[dict[str, str], list[str]]:
    """The images of every part, each with file and line, and their parts; no image is in two."""
    ids = {part: read_lines(lists / f"{part}.txt") for part in parts}
    for part in parts:
        positions(ids[part], f"{lists / part}.txt, line")
    first: dict[str, str] = {}
    places: dict[str, str] = {}
    for part in parts:
        for line, image in enumerate(ids[part], start=1):
            places[image] = f"{lists / part}.txt, line {line}"
            if image in first:
                raise ValueError(
                    f"{lists / part}.txt: image {image!r} is in {lists / first[image]}.txt too"
                )
        first |= dict.fromkeys(ids[part], part)
    return places, [*first.values()]


def found_names(lists: Path, parts: list[str], things: list[list[Thing]], labels: str) -> list[str]:
    if labels == "lists":
        endings = [f"_{part}.txt" for part in parts]
        found = sorted(
            {path.name.removesuffix(end) for end in endings for path in lists.glob(f"*{end}")}
        )
    else:
        found = sorted({name for some in things for name, *_ in some})
    if not found:
        raise ValueError(f"{lists.parent.parent} has no labels: found no {labels} with one")
    return found


def read_part(path: Path, names: list[str]) -> np.ndarray:
    """Labels (images, C) of the part that `path` lists."""
    ids = read_lines(path)
    classes = [path.with_name(f"{name}_{path.stem}.txt") for name in names]
    return np.stack([read_class(file, path, ids) for file in classes], axis=1)


def read_class(path: Path, listing: Path, ids: list[str]) -> np.ndarray:
    """Labels (images,) of one class. Lines look like `000012 -1`."""
    rows = {image: row for row, image in enumerate(ids)}
    labels = np.full(len(ids), UNKNOWN, np.int8)
    for number, line in enumerate(read_lines(path), start=1):
        image, code = (*line.rsplit(maxsplit=1), "", "")[:2]
        if code not in MEANING:
            raise ValueError(
                f"{path}, line {number}: {line!r}; expected an image id and -1, 0 or 1"
            )
        if image not in rows:
            raise ValueError(f"{path}, line {number}: image {image!r} is not in {listing}")
        if labels[rows[image]] != UNKNOWN:
            raise ValueError(f"{path}, line {number}: image {image!r} is listed twice")
        labels[rows[image]] = MEANING[code]
    if (labels == UNKNOWN).any():
        image = ids[int(np.argmax(labels == UNKNOWN))]
        raise ValueError(f"{path} has no line for image {image!r} of {listing}; unpack it again")
    return labels


def seen(things: list[list[Thing]], names: list[str], here: Path) -> np.ndarray:
    """Labels (N, C) from objects: yes if one is easy, difficult if all are difficult."""
    codes = np.full((len(things), len(names)), NO, np.int8)
    columns = {name: column for column, name in enumerate(names)}
    for row, some in enumerate(things):
        for name, difficult, _ in sorted(some, key=lambda thing: not thing[1]):
            if name not in columns:
                raise ValueError(f"{here}: class {name!r} of an object is not one of {names}")
            codes[row, columns[name]] = DIFFICULT if difficult else YES
    return codes


def boxes_of(
    things: list[list[Thing]], names: list[str], folder: Path, ids: list[str]
) -> dict[str, np.ndarray]:
    rows, columns, boxes = [], [], []
    for row, some in enumerate(things):
        for number, (name, _, box) in enumerate(some, start=1):
            if name not in names:
                path = folder / f"{ids[row]}.xml"
                raise ValueError(f"{path}, object {number}: class {name!r} is not one of {names}")
            rows.append(row)
            columns.append(names.index(name))
            boxes.append(box)
    return box_fields(rows, columns, as_boxes(boxes, f"{folder}, object"))


def read_objects(path: Path) -> list[Thing]:
    """Reads direct children only: body parts are nested deeper."""
    try:
        tree = ElementTree.parse(present(path))
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}, line {error.position[0]}: not XML: {error}") from None
    except (LookupError, ValueError) as error:  # a wrong encoding
        raise ValueError(f"{path}: not XML that can be read: {error}") from None
    objects = []
    for number, item in enumerate(tree.getroot().findall("object"), start=1):
        try:
            edges = (float(item.findtext(f"bndbox/{edge}")) for edge in EDGES)
            left, top, right, bottom = edges
        except (TypeError, ValueError):
            raise ValueError(
                f"{path}, object {number}: expected numbers {EDGES} in bndbox"
            ) from None
        # VOC counts pixels from 1 and includes the last one
        box = (left - 1, top - 1, right - left + 1, bottom - top + 1)
        difficult = item.findtext("difficult", "0").strip() == "1"
        name = item.findtext("name", "").strip()
        check_name("label", name, f"{path}, object {number}")
        objects.append((name, difficult, box))
    return objects
