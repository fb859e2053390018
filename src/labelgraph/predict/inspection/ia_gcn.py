"""IA-GCN: the regions' scores of each label before and after weighting."""

from torch import Tensor

from labelgraph.models.ia_gcn.ia_gcn import IAGCN
from labelgraph.parts.regions import pool, present


def regions(model: IAGCN, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Eqs. 2 and 7 to 9; a place without a region has no factor and no scores."""
    if not model.extra:
        raise ValueError("this variant of IA-GCN does not weight its regions")
    boxes = batch["boxes"][:, : model.how.regions]  # (B, N, 4)
    there = present(boxes)  # (B, N)
    narrow = pool(model.rough(model.encoder(batch["image"])), boxes)  # (B, N, C + 2)
    scores, moments = narrow.tensor_split([len(model.bias)], -1)
    factor, _ = model.draw(moments, there)  # (B, N, 1)
    before, after = (scores + model.bias).sigmoid(), (factor * scores + model.bias).sigmoid()
    kept = there[..., None]
    return {
        "boxes": boxes,
        "before": before * kept,
        "after": after * kept,
        "factor": (factor * kept)[..., 0],
    }
