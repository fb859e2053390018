"""What the change of Snakemake's scheduler saves: a study of small jobs with it and without it.

    python benchmarks/scheduler.py [--jobs 300] [--turns 3] [--cores 2]

Each job sleeps for a tenth of a second and has 40 inputs, as many as a training has files of code.
Every turn starts Snakemake anew, with the settings of workflow/profiles/default, once in each way.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROFILE = Path(__file__).parents[1] / "workflow/profiles/default"
CHANGE = "from labelgraph.jobs import snakemake_patches\nsnakemake_patches.look_once_at_a_time()\n"
RULES = """
rule all:
    input: expand("made/{{number}}", number=range({jobs})),

rule make:
    input: [f"code/{{number}}" for number in range(40)],
    output: "made/{{number}}",
    shell: "sleep 0.1; touch {{output}}"
"""


def seconds(folder: Path, text: str, cores: int) -> tuple[float, float]:
    """On the clock, and of the processors' time."""
    shutil.rmtree(folder / "made", ignore_errors=True)
    shutil.rmtree(folder / ".snakemake", ignore_errors=True)
    (folder / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    start, used = time.perf_counter(), processor_seconds()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - start, processor_seconds() - used


def processor_seconds() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    rules = RULES.format(jobs=given.jobs)
    found = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(PROFILE, folder / "profiles/default")
        (folder / "code").mkdir()
        for number in range(40):
            (folder / f"code/{number}").touch()
        for turn in range(given.turns):
            texts = [rules, CHANGE + rules]
            order = (0, 1) if turn % 2 == 0 else (1, 0)
            times = {which: seconds(folder, texts[which], given.cores) for which in order}
            found.append([times[0], times[1]])
    for place, name in enumerate(("clock", "processor")):
        without, changed = ([turn[which][place] for turn in found] for which in (0, 1))
        ratio = statistics.median(b / a for a, b in zip(without, changed, strict=True))
        print(
            f"{name:10} as Snakemake is {statistics.median(without):6.1f} s, changed"
            f" {statistics.median(changed):6.1f} s, ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
