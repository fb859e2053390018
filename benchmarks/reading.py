"""From image files to an encoder's input and to features: the usual pipeline and ours, in one run.

    python benchmarks/reading.py [--images FOLDER] [--count 100] [--repeats 3]

The usual pipeline is Pillow, then torchvision's Resize, ToTensor and Normalize, then the encoder as
loaded. The second table is about training on a GPU: random crops at 448 pixels of COCO-sized
photographs, and how many processes must read them for 900 images a second. Without a folder of JPEG
files it uses drawn ones with the detail of photographs. Times are processor time of one thread.
Both run with the pins of a training step (benchmarks/pinning.py).
"""

import argparse
import copy
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labelgraph.numerics import PINS

if PINS.items() - os.environ.items():  # some work only when a process starts
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | PINS)

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from labelgraph.encoders import encoder as encoders
from labelgraph.encoders import views
from labelgraph.files.images import read_image
from labelgraph.inputs import features

SIDES = (224, 448)
KINDS = {"a photo site's, 500 x 375": (500, 375), "a camera's, 4000 x 3000": (4000, 3000)}
GRAINS = (3, 9, 40, 150, 400)  # cells of noise a side: shapes, edges and texture
BATCH = 16
COCO = (640, 480)
SIDE, SQUASHED, WANTED = 448, 640, 900  # pixels, pixels, images a second
# crops of a photograph: ML-SGM's 448 of 640 pixels, SSGRL's five sides of 640, ML-GCN's
CROPS = {
    "448 of 640": views.Chances("squares", [0.7], "sideways"),
    "320 to 640 of 640": views.Chances("squares", [1.0, 0.9, 0.8, 0.6, 0.5], "sideways"),
    "multi-scale": views.Chances("multiscale", [1.0], "sideways"),
}


def draw(folder: Path, size: tuple[int, int], count: int) -> list[Path]:
    chance = np.random.default_rng(0)
    for number in range(count):
        total = np.zeros((size[1], size[0], 3), np.float32)
        for grain in GRAINS:
            noise = Image.fromarray(chance.integers(0, 256, (grain, grain, 3), np.uint8))
            total += np.asarray(noise.resize(size, Image.Resampling.BICUBIC)) / len(GRAINS)
        Image.fromarray(total.astype(np.uint8)).save(folder / f"{number}.jpg", quality=92)
    return sorted(folder.glob("*.jpg"))


def usual(side: int) -> Callable[[list[Path]], torch.Tensor]:
    pipeline = transforms.Compose(
        [
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.Normalize(*encoders.LITE),
        ]
    )
    return lambda paths: torch.stack([pipeline(Image.open(path).convert("RGB")) for path in paths])


def ours(side: int) -> Callable[[list[Path]], torch.Tensor]:
    """Bytes, which the encoder itself converts to numbers."""
    encoder = encoders.build("efficientnet_lite0", None, "nothing")

    def read(paths: list[Path]) -> torch.Tensor:
        names = np.array([str(path) for path in paths])
        return encoder.pixels(features.read_chunk(Path("/"), names, "plain", side))

    return read


def usual_crop(paths: list[Path]) -> torch.Tensor:
    """448 of 640 pixels, as the papers' released code reads them."""
    pipeline = transforms.Compose(
        [
            transforms.Resize((SQUASHED, SQUASHED)),
            transforms.RandomCrop(SIDE),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(*encoders.IMAGENET),
        ]
    )
    return torch.stack([pipeline(Image.open(path).convert("RGB")) for path in paths])


def our_crop(chances: views.Chances) -> Callable[[list[Path]], torch.Tensor]:
    """As a training reads them (src/labelgraph/inputs/batches.py)."""

    def read(paths: list[Path]) -> torch.Tensor:
        found = []
        for row, path in enumerate(paths):
            image = read_image(path, views.least_drawn(chances, SIDE))
            height, width, _ = image.shape
            window = views.drawn(chances, width, height, np.random.default_rng(row))
            found.append(views.cut(image, window, SIDE))
        return torch.stack(found)

    return read


def cropping(paths: list[Path], repeats: int) -> None:
    print(f"\n| crops at {SIDE} | usual, 448 of 640 | ours, a second | workers for {WANTED} |")
    print("| --- | ---: | ---: | ---: |")
    for name, chances in CROPS.items():
        slow, fast, _ = compare([usual_crop, our_crop(chances)], chunks(paths), repeats)
        speed = len(paths) / fast
        print(
            f"| {name} | {len(paths) / slow:.0f} | {speed:.0f} | {math.ceil(WANTED / speed)} |",
            flush=True,
        )


def spent(work: Callable[[Any], object], part: Any) -> float:
    start = time.process_time()
    work(part)
    return time.process_time() - start


def compare(works: list[Callable[[Any], object]], parts: list[Any], repeats: int) -> list[float]:
    """Medians of both times, measured in turns over all parts, and of their ratio."""
    turns = []
    for _ in range(repeats):
        pairs = [[spent(work, part) for work in works] for part in parts]
        turns.append([sum(times) for times in zip(*pairs, strict=True)])
    ratios = [slow / fast for slow, fast in turns]
    return [statistics.median(values) for values in (*zip(*turns, strict=True), ratios)]


def chunks(paths: list[Path]) -> list[list[Path]]:
    return [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]


def difference(paths: list[Path], side: int) -> tuple[float, int]:
    """Mean and largest difference, in levels of 255."""
    found = []
    for path in paths[:BATCH]:
        seen = views.cut(read_image(path, views.least(views.WHOLE, side)), views.WHOLE, side)
        pillow = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        found.append(np.abs(seen.permute(1, 2, 0).numpy().astype(int) - np.asarray(pillow)))
    return float(np.mean(found)), int(np.max(found))


def reading(kind: str, paths: list[Path], repeats: int) -> None:
    for side in SIDES:
        slow, fast, times = compare([usual(side), ours(side)], chunks(paths), repeats)
        mean, most = difference(paths, side)
        print(
            f"| {kind} | {side} | {len(paths) / slow:.0f} | {len(paths) / fast:.0f} | {times:.1f} |"
            f" {mean:.2f}, at most {most} |",
            flush=True,
        )


def extracting(paths: list[Path], repeats: int) -> None:
    side = SIDES[0]
    encoder = encoders.build("efficientnet_lite0", "imagenet", "nothing").eval()
    plain = usual(side)

    @torch.inference_mode()
    def loop(paths: list[Path]) -> None:
        for part in chunks(paths):
            encoder.stages(plain(part))

    def whole(paths: list[Path]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            network = encoders.build("efficientnet_lite0", "imagenet", "nothing")
            names = np.array([str(path) for path in paths])
            work, output = Path(folder, "work"), Path(folder, "features.npy")
            features.extract(network, Path("/"), names, "plain", side, work, output)

    last = copy.deepcopy(encoder).to(memory_format=torch.channels_last)
    pictures = [plain(part).to(memory_format=torch.channels_last) for part in chunks(paths)]

    @torch.inference_mode()
    def alone(paths: list[Path]) -> None:
        for part in pictures:
            last.stages(part)

    slow, fast, times = compare([loop, whole], [paths], repeats)
    bare, _, share = compare([alone, whole], [paths], repeats)
    print(
        f"\nfeatures at {side}, images a second and core: the usual loop {len(paths) / slow:.0f},"
        f" ours {len(paths) / fast:.0f}, {times:.1f} times as many; the encoder alone, channels"
        f" last and images in memory, {len(paths) / bare:.0f}, of which ours is {share:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, help="a folder of JPEG files")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| images | side | usual, a second | ours, a second | times | levels apart |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        sets = {str(options.images): sorted(options.images.glob("*.jpg"))} if options.images else {}
        for kind, size in {} if sets else KINDS.items():
            count = max(8, options.count * 500 * 375 // (size[0] * size[1]))
            Path(folder, str(size[0])).mkdir()
            sets[kind] = draw(Path(folder, str(size[0])), size, min(count, options.count))
        for kind, paths in sets.items():
            reading(kind, paths[: options.count], options.repeats)
        Path(folder, "coco").mkdir()
        given = next(iter(sets.values())) if options.images else None
        cropping(
            (given or draw(Path(folder, "coco"), COCO, options.count))[: options.count],
            options.repeats,
        )
        extracting(next(iter(sets.values()))[: options.count], options.repeats)


if __name__ == "__main__":
    main()
