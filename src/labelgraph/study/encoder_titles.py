"""The encoders' names as people read them."""

TITLES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    **{f"resnet{depth}": f"ResNet-{depth}" for depth in (18, 34, 50, 101)},
}


def title(name: str) -> str:
    return TITLES.get(name, name)
