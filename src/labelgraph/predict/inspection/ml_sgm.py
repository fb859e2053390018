"""ML-SGM: its activation maps with their boxes, and its label nodes."""

from torch import Tensor

from labelgraph.models.ml_sgm.ml_sgm import MLSGM, Activation
from labelgraph.predict.inspection._reading import label_nodes, linear_maps, located


def maps(model: MLSGM, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The map of every label, whether it was chosen as an instance or not."""
    if not isinstance(getattr(model, "find", None), Activation):
        raise ValueError("this variant of ML-SGM has no activation maps")
    classify = model.find.classify
    found = linear_maps(model.encoder(batch["image"]), classify.weight)
    return located((found + classify.bias[:, None, None]).sigmoid(), model.find.activated)


def labels(model: MLSGM, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return label_nodes(model, batch)
