"""ML-GCN: the classifiers that the graph generates, and the features that they score."""

from torch import Tensor

from labelgraph.models.ml_gcn import MLGCN


def features(model: MLGCN, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    found = model.encoder(batch["image"])
    pool = found.amax if model.pooling == "max" else found.mean
    return {"features": pool((2, 3))}


def labels(model: MLGCN, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The classifiers."""
    return {"vectors": model.classifiers()[None]}
