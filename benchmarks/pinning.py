"""What it costs that numbers do not depend on the processor: steps pinned and free, in one run.

    python benchmarks/pinning.py [--repeats 5]

A child process each: a frozen encoder over 8 images, and 50 steps of a two-layer network.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from labelgraph.numerics import PINS

CHILD = """
import json, time, torch
from labelgraph.encoders import efficientnet
torch.set_num_threads(1)
torch.manual_seed(0)
network = efficientnet.build().eval().to(memory_format=torch.channels_last)
images = torch.rand(8, 3, 224, 224).contiguous(memory_format=torch.channels_last)
head = torch.nn.Sequential(torch.nn.Linear(1280, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 80))
optimizer = torch.optim.AdamW(head.parameters(), fused=True)
features = torch.rand(32, 1280)
def encode():
    with torch.inference_mode():
        network(images)
def learn():
    for _ in range(50):
        optimizer.zero_grad()
        head(features).square().mean().backward()
        optimizer.step()
found = {}
for work in (encode, learn):
    work()
    start = time.process_time()
    work()
    found[work.__name__] = time.process_time() - start
print(json.dumps(found))
"""


def measure(pins: dict[str, str]) -> dict[str, float]:
    free = {name: value for name, value in os.environ.items() if name not in PINS}
    command = [sys.executable, "-c", CHILD]
    answer = subprocess.run(
        command, env=free | pins, check=True, capture_output=True, text=True
    ).stdout
    return json.loads(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    one_thread = {"OMP_NUM_THREADS": "1"}
    pairs = [(measure(PINS), measure(one_thread)) for _ in range(repeats)]
    for work in pairs[0][0]:
        ratio = statistics.median(pinned[work] / free[work] for pinned, free in pairs)
        print(f"{work:8} pinned / free: {ratio:.2f}")


if __name__ == "__main__":
    main()
