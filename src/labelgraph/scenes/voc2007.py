"""The layout of VOCdevkit/VOC2007: image lists, one list per class and part, XML annotations."""

from pathlib import Path
from xml.sax.saxutils import escape

from labelgraph.scenes.pictures import Picture, Settings
from labelgraph.scenes.plan import LAYOUT, chosen_names, generator
from labelgraph.scenes.render import Shown

WORLD = "voc2007"
PARTS = ("trainval", "test")
FOLDER = Path("VOCdevkit", "VOC2007")
HIDDEN, TINY = 45, 9  # difficult: visible percent below 45, or a side under 9 pixels


def files(settings: Settings) -> dict[str, list[Path]]:
    """Numbers of both parts are mixed, as in the archive, and ascend within a part."""
    count = sum(settings.images.values())
    numbers = generator(settings.seed, LAYOUT, 0).permutation(count) + 1
    first = settings.images[PARTS[0]]
    drawn = {PARTS[0]: sorted(numbers[:first]), PARTS[1]: sorted(numbers[first:])}
    return {
        part: [FOLDER / "JPEGImages" / f"{number:06d}.jpg" for number in drawn[part]]
        for part in PARTS
    }


def write(
    root: Path,
    paths: dict[str, list[Path]],
    pictures: dict[str, list[Picture]],
    settings: Settings,
) -> None:
    lists, annotations = root / FOLDER / "ImageSets" / "Main", root / FOLDER / "Annotations"
    lists.mkdir(parents=True)
    annotations.mkdir()
    for part in PARTS:
        ids = [path.stem for path in paths[part]]
        (lists / f"{part}.txt").write_text("".join(f"{image}\n" for image in ids))
        for name in chosen_names(WORLD, settings.labels):
            codes = [code(name, picture.shown) for picture in pictures[part]]
            lines = [f"{image} {value:2d}\n" for image, value in zip(ids, codes, strict=True)]
            (lists / f"{name}_{part}.txt").write_text("".join(lines))
        for image, picture in zip(ids, pictures[part], strict=True):
            (annotations / f"{image}.xml").write_text(annotation(image, picture))


def code(name: str, shown: list[Shown]) -> int:
    """1: shown; 0: only difficult objects; -1: absent."""
    found = [difficult(item) for item in shown if item.label == name]
    return -1 if not found else int(not all(found))


def difficult(item: Shown) -> bool:
    return item.percent < HIDDEN or min(item.width, item.height) < TINY


def annotation(image: str, picture: Picture) -> str:
    objects = "".join(describe(item, picture) for item in picture.shown)
    return (
        "<annotation>\n\t<folder>VOC2007</folder>\n"
        f"\t<filename>{image}.jpg</filename>\n"
        "\t<source>\n\t\t<database>The VOC2007 Database</database>\n"
        "\t\t<annotation>drawn</annotation>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{picture.width}</width>\n\t\t<height>{picture.height}</height>\n"
        f"\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{objects}</annotation>\n"
    )


def describe(item: Shown, picture: Picture) -> str:
    """One object. Pixels count from 1, and the box includes its last row and column."""
    right, bottom = item.left + item.width, item.top + item.height
    cut = item.left == 0 or item.top == 0 or right == picture.width or bottom == picture.height
    return (
        f"\t<object>\n\t\t<name>{escape(item.label)}</name>\n\t\t<pose>Unspecified</pose>\n"
        f"\t\t<truncated>{int(cut)}</truncated>\n\t\t<difficult>{int(difficult(item))}</difficult>\n"
        f"\t\t<bndbox>\n\t\t\t<xmin>{item.left + 1}</xmin>\n\t\t\t<ymin>{item.top + 1}</ymin>\n"
        f"\t\t\t<xmax>{right}</xmax>\n\t\t\t<ymax>{bottom}</ymax>\n\t\t</bndbox>\n\t</object>\n"
    )
