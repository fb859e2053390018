"""GM-MLIC: the boxes of a detector are matched with the labels, edge by edge.

Wu et al., "GM-MLIC: Graph Matching based Multi-Label Image Classification", IJCAI 2021,
https://www.ijcai.org/proceedings/2021/163. Equation numbers are that paper's.

Shapes: B images, R boxes of a batch, M = `instances` of them, C labels, F features of the encoder.
"""

import torch
from torch import Tensor, nn

from labelgraph.parts import losses, matching, regions
from labelgraph.parts.labelspace import LabelSpace


class GMMLIC(nn.Module):
    """Scores every box against every label; a label's score is that of its best box."""

    def __init__(
        self,
        encoder: nn.Module,
        network: nn.Module,
        rate: Tensor,
        instances: int,
        neighbours: int,
        beta: float,
    ):
        super().__init__()
        self.encoder = encoder
        self.network = network
        self.register_buffer("rate", rate)  # (C,)
        self.instances, self.neighbours, self.beta = instances, neighbours, beta

    def places(self, boxes: Tensor) -> Tensor:
        """The M most confident boxes, (B, M, 4); without any, the first is the whole image.

        Eq. 14 has no maximum without an instance; the paper does not treat this case.
        """
        boxes = boxes[:, : self.instances]
        empty = ~regions.present(boxes).any(1)  # (B,)
        whole = boxes.new_tensor([0.0, 0.0, 1.0, 1.0])
        first = torch.where(empty[:, None], whole, boxes[:, 0])
        return torch.cat([first[:, None], boxes[:, 1:]], 1)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"])  # (B, F, h, w)
        boxes = self.places(batch["boxes"].to(features.device))
        present = regions.present(boxes)  # (B, M)
        near = regions.nearest(boxes, present, self.neighbours)
        x = regions.pool(features, boxes)  # (B, M, F)
        scores = self.network(x, boxes, near, present)  # (B, M, C) eq. 13
        return matching.best(scores, present)  # eq. 14

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Eq. 15, with the minus sign that is missing there."""
        logits = self(batch)
        return losses.weighted(logits, batch["target"], batch["known"], self.rate, self.beta)


def build(
    labels: LabelSpace,
    encoder: nn.Module,
    *,
    instances: int,
    neighbours: int,
    edges: list[str],
    encoder_widths: list[int],
    hidden: int,
    widths: list[int],
    decoder_width: int,
    beta: float,
) -> GMMLIC:
    network = matching.build(
        encoder.width, labels.vectors, edges, encoder_widths, hidden, widths, decoder_width
    )
    matching.start_at_rates(network.last(), labels.positive_rate)
    return GMMLIC(encoder, network, labels.positive_rate, instances, neighbours, beta)
