"""The encoders' names as people read them, and how many stages they have."""

TITLES = {
    **{f"efficientnet_lite{size}": f"EfficientNet-Lite{size}" for size in (0, 2)},
    **{f"resnet{depth}": f"ResNet-{depth}" for depth in (18, 34, 50, 101)},
    **{f"vgg{depth}": f"VGG-{depth}" for depth in (16, 19)},
}

STAGES = {  # how many stages each has
    **{f"efficientnet_lite{size}": 8 for size in (0, 2)},
    **{f"resnet{depth}": 5 for depth in (18, 34, 50, 101)},
    **{f"vgg{depth}": 5 for depth in (16, 19)},
}


def title(name: str) -> str:
    return TITLES.get(name, name)


def last(count: int) -> str:
    return "last stage" if count == 1 else f"last {count} stages"
