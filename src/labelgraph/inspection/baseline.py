"""The plain network: its classifier over every position is a class activation map."""

from torch import Tensor

from labelgraph.inspection._reading import linear_maps, located
from labelgraph.models.baseline import Baseline

SHARE = 0.2  # of a map's highest value: what the box encloses (Zhou et al., CVPR 2016; ML-SGM)


def maps(model: Baseline, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    found = linear_maps(model.encoder(batch["image"]), model.classifier.weight)
    return located(found.clamp(min=0), SHARE)


def features(model: Baseline, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    found = model.encoder(batch["image"])
    pool = found.amax if model.pooling == "max" else found.mean
    return {"features": pool((2, 3))}


def labels(model: Baseline, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The classifiers."""
    return {"vectors": model.classifier.weight[None]}
