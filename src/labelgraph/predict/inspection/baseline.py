"""The plain network: its classifier over every position is a class activation map."""

from torch import Tensor

from labelgraph.parts.pooledlinear import PooledLinear
from labelgraph.predict.inspection._reading import linear_maps, located

SHARE = 0.2  # of a map's highest value: what the box encloses (Zhou et al., CVPR 2016; ML-SGM)


def maps(model: PooledLinear, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    found = linear_maps(model.encoder(batch["image"]), model.classifier.weight)
    return located(found.clamp(min=0), SHARE)


def features(model: PooledLinear, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"features": model.pooled(batch["image"])}


def labels(model: PooledLinear, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The classifiers."""
    return {"vectors": model.classifier.weight[None]}
