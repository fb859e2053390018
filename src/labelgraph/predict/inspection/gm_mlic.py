"""GM-MLIC: its label nodes after the last module."""

from torch import Tensor

from labelgraph.models.gm_mlic import GMMLIC
from labelgraph.predict.inspection._reading import label_nodes


def labels(model: GMMLIC, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return label_nodes(model, batch)
