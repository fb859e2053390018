"""The box around the largest connected part of each of many small maps, all of them at once.

Cells that touch, at a side or at a corner, belong together (8-connectivity). Of parts of equal
size the one that ends first in reading order is taken. A part's name is the largest cell number in
it; names spread by one cell a step until nothing changes.

Shapes: N maps of h x w cells.
"""

import torch
from torch import Tensor
from torch.compiler import is_exporting
from torch.nn.functional import max_pool2d


def named(cells: Tensor) -> Tensor:
    """(N, h, w) bool -> the name of each cell's part, 1 to h * w; 0 outside."""
    count = cells[0].numel()
    first = torch.arange(1, count + 1, device=cells.device).view_as(cells[0])
    names = (first * cells).float()  # exact up to 2^24 cells
    for _ in range(count):  # no path in a part is longer
        spread = max_pool2d(names[:, None], 3, 1, 1)[:, 0] * cells
        # On other devices the check costs more than it saves; an exported graph cannot branch.
        if cells.device.type == "cpu" and not is_exporting() and spread.equal(names):
            break
        names = spread
    return names.long()


def largest(cells: Tensor) -> Tensor:
    """The largest part of each map: (N, h, w) bool; an empty map stays empty."""
    names = named(cells).flatten(1)  # (N, h * w)
    sizes = torch.zeros(len(names), names.shape[1] + 1, device=cells.device)
    sizes.scatter_add_(1, names, torch.ones_like(names, dtype=sizes.dtype))
    name = sizes[:, 1:].argmax(1, keepdim=True) + 1
    return (names == name).view_as(cells)


def extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """The first True and one past the last, as fractions of the line: (N, n) -> (N,), (N,)."""
    cells = line.shape[1]
    first = line.int().argmax(1)
    last = cells - line.flip(1).int().argmax(1)
    return first / cells, last * line.any(1) / cells


def boxes(cells: Tensor) -> Tensor:
    """(N, h, w) -> (N, 4): left, top, right, bottom as fractions; all zero for an empty map."""
    part = largest(cells)
    left, right = extent(part.any(1))
    top, bottom = extent(part.any(2))
    return torch.stack([left, top, right, bottom], 1)
