"""The columns of a list of measured costs."""

COLUMNS = {  # key of an entry -> its heading, and the digits that are shown
    "forward_ratio": ("forward, times the encoder", 2),
    "step_ratio": ("training step, times the encoder", 2),
    "images_per_second": ("images/s, forward", 1),
    "step_images_per_second": ("images/s, training", 1),
    "params_m": ("parameters (M)", 2),
    "gflops": ("FLOPs (G multiply-adds)", 2),
    "peak_mb": ("peak memory of a training step (MB)", 0),
}
