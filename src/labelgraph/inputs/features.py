"""Runs a frozen encoder once over many images: a memory-mapped file of features for each view.

Interrupted work resumes where it stopped: finished chunks stay in a folder named after everything
that the features depend on, so features of other images, weights or code are never mixed in.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from labelgraph.encoders import views
from labelgraph.files.images import read_image
from labelgraph.files.small import whole

CHUNK = 16  # images that the encoder processes together
PROGRESS_SECONDS = 10


def extract(
    encoder: nn.Module,
    root: Path,
    images: np.ndarray,
    view: str,
    size: int,
    work: Path,
    output: Path,
) -> tuple[int, ...]:
    """Writes (N, h, w, F) float16 to `output`, whole or not at all; returns the shape."""
    encoder = fused(encoder.eval()).to(memory_format=torch.channels_last)
    starts = range(0, len(images), CHUNK)
    missing = [start for start in starts if not part_file(work, start).exists()]
    started = reported = time.monotonic()
    with ThreadPoolExecutor(1) as reader, torch.inference_mode():
        chunks = (images[start : start + CHUNK] for start in missing)
        pictures = reader.map(lambda names: read_chunk(root, names, view, size), chunks)
        for done, (start, batch) in enumerate(zip(missing, pictures, strict=True)):
            with whole(part_file(work, start)) as draft, draft.open("wb") as stream:
                np.save(stream, encoder(batch).half().permute(0, 2, 3, 1).contiguous().numpy())
            if time.monotonic() - reported > PROGRESS_SECONDS:
                reported = time.monotonic()
                speed = (done + 1) * CHUNK / (reported - started)
                left = (len(missing) - done - 1) * CHUNK / speed
                print(f"{view}: {speed:.0f} images/s, {left:.0f} s left", flush=True)
    return join([part_file(work, start) for start in starts], len(images), output)


def read_chunk(root: Path, names: np.ndarray, view: str, size: int) -> torch.Tensor:
    window = views.fixed(view)
    pictures = [read_image(root / name, views.least(window, size)) for name in names.tolist()]
    cuts = [views.cut(picture, window, size).permute(1, 2, 0) for picture in pictures]
    return torch.stack(cuts).permute(0, 3, 1, 2)  # channels last


def part_file(work: Path, start: int) -> Path:
    return work / f"{start:09d}.npy"


def join(parts: list[Path], count: int, output: Path) -> tuple[int, ...]:
    """Writes one file from the chunks, with one chunk in memory at a time."""
    shape = (count, *np.load(parts[0], mmap_mode="r").shape[1:])
    with whole(output) as draft:
        grid = np.lib.format.open_memmap(draft, "w+", np.float16, shape)
        for start, part in zip(range(0, count, CHUNK), parts, strict=True):
            grid[start : start + CHUNK] = np.load(part)
        grid.flush()
    return shape


def fused(module: nn.Module) -> nn.Module:
    """Folds each normalisation into the convolution before it, which saves passes over the grid."""
    for name, child in module.named_children():
        setattr(module, name, fused(child))
    if isinstance(module, nn.Sequential):
        layers = []
        for layer in module:
            if isinstance(layer, nn.BatchNorm2d) and layers and isinstance(layers[-1], nn.Conv2d):
                layers[-1] = fuse_conv_bn_eval(layers[-1], layer)
            else:
                layers.append(layer)
        return nn.Sequential(*layers)
    return module
