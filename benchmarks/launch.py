"""Time to start a step: a fork of the warm process against a new process, in one run.

    python benchmarks/launch.py [--repeats 20]

Both run the step `predict` up to its help text: torch is imported, nothing is computed.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

LAUNCH = Path(__file__).parents[1] / "src/labelgraph/jobs/launch.py"
WARM = [sys.executable, "-I", "-S", str(LAUNCH), "predict", "--help"]
COLD = [sys.executable, "-m", "labelgraph.steps.predict", "--help"]


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    seconds(WARM), seconds(COLD)  # starts the server, fills the disk cache
    pairs = [(seconds(WARM), seconds(COLD)) for _ in range(repeats)]
    for name, times in zip(
        ("fork of a warm process", "process of its own"), zip(*pairs, strict=True), strict=True
    ):
        print(f"{name:24} median {1000 * statistics.median(times):7.1f} ms")
    print(f"{'ratio':24} median {statistics.median(cold / warm for warm, cold in pairs):7.1f}")


if __name__ == "__main__":
    main()
