"""The layout of NUS-WIDE: image lists with backslashes, a file of zeros and ones per concept."""

from pathlib import Path

from labelgraph.scenes.pictures import Picture, Settings
from labelgraph.scenes.plan import LAYOUT, chosen_names, generator

WORLD = "nuswide"
PARTS = ("train", "test")
LISTS = {"train": "TrainImagelist.txt", "test": "TestImagelist.txt"}
TAGS = ("actor", "cafe", "downtown", "island", "market", "picnic", "studio", "weekend")


def files(settings: Settings) -> dict[str, list[Path]]:
    """Folders are search words that do not describe what is shown, as in the archive."""
    rng = generator(settings.seed, LAYOUT, 0)
    count = sum(settings.images.values())
    tags, numbers = rng.integers(len(TAGS), size=count), rng.integers(10**8, 10**9, count)
    paths = [
        Path("Flickr", TAGS[tag], f"{order:04d}_{number}.jpg")
        for order, (tag, number) in enumerate(zip(tags, numbers, strict=True), start=1)
    ]
    first = settings.images["train"]
    return {"train": paths[:first], "test": paths[first:]}


def write(
    root: Path,
    paths: dict[str, list[Path]],
    pictures: dict[str, list[Picture]],
    settings: Settings,
) -> None:
    """The list of all images is in the order of folders and files."""
    names = chosen_names(WORLD, settings.labels)
    every, truth = root / "Groundtruth" / "AllLabels", root / "Groundtruth" / "TrainTestLabels"
    for folder in (root / "ImageList", root / "ConceptsList", every, truth):
        folder.mkdir(parents=True)
    write_lines(root / "ConceptsList" / "Concepts81.txt", names)
    shown = {
        path: {item.label for item in picture.shown}
        for part in PARTS
        for path, picture in zip(paths[part], pictures[part], strict=True)
    }
    lists = {"Imagelist.txt": sorted(shown)}
    lists |= {LISTS[part]: sorted(paths[part]) for part in PARTS}
    for file, images in lists.items():
        lines = ["\\".join(path.parts[1:]) for path in images]
        write_lines(root / "ImageList" / file, lines)
    for name in names:
        write_lines(every / f"Labels_{name}.txt", [int(name in shown[x]) for x in sorted(shown)])
        for part in PARTS:
            column = [int(name in shown[path]) for path in sorted(paths[part])]
            write_lines(truth / f"Labels_{name}_{part.title()}.txt", column)


def write_lines(path: Path, lines: list) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
