"""What each cost is called where people read it, and its digits after the point.

The keys are those of an entry of counts.json or heads.json.
"""

COSTS = {
    "forward_ratio": ("forward, times the encoder", 2),
    "step_ratio": ("training step, times the encoder", 2),
    "images_per_second": ("images/s", 1),
    "step_images_per_second": ("images/s in training", 1),
    "params_m": ("parameters (M)", 2),
    "gflops": ("FLOPs (G)", 2),
    "peak_mb": ("peak memory of a training step (MB)", 0),
}


def heading(key: str, network: str = "") -> str:
    """`network`: the encoder that was counted, where the rest of the table has another."""
    name, _ = COSTS[key]
    return f"{name}, {network}" if network else name
