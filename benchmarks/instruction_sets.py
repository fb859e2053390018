"""How far a table's numbers move when a processor's instruction sets are not pinned.

    python benchmarks/instruction_sets.py

Trains a table of the drawn VOC 2007 with the pins of numerics.py, then with one library at a time
told to use each instruction set that it knows, then with no pin at all. Each time everything is
made from nothing: images, features, regions, trainings. A set that this processor lacks is taken
down to one that it has by the library itself, so its line then equals another.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import tiny

from labelgraph.jobs.records import travelling
from labelgraph.numerics import PINS

TABLE = "ml_sgm_II"
TARGET = f"results/tables/mini/{TABLE}.csv"
SETS = {
    "ATEN_CPU_CAPABILITY": ("default", "avx2", "avx512"),
    "MKL_CBWR": ("COMPATIBLE", "AVX2", "AVX512", "AUTO"),
    "ONEDNN_MAX_CPU_ISA": ("SSE41", "AVX2", "AVX512_CORE", "DEFAULT"),
    "OPENBLAS_CORETYPE": ("Nehalem", "Haswell", "SkylakeX", "Zen"),
}


def main() -> None:
    pinned, contents = study({})
    again, same = study({})
    print("| pin | set to | files that differ | mAP differs by | at most, any cell |")
    print("| --- | --- | ---: | ---: | ---: |")
    report("none: the same again", "", difference(pinned, again), changed(contents, same))
    for name, values in SETS.items():
        for value in values:
            if value != PINS[name]:
                cells, files = study({name: value})
                report(name, value, difference(pinned, cells), changed(contents, files))
    free = dict.fromkeys(SETS)
    cells, files = study(free)
    report("all of them", "free", difference(pinned, cells), changed(contents, files))


def study(changes: dict[str, str | None]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table, and every file's sha256, with the pins changed; null takes one away."""
    with tempfile.TemporaryDirectory() as place:
        folder = tiny.copy(Path(place))
        numerics = folder / "src/labelgraph/numerics.py"
        pins = {name: value for name, value in (PINS | changes).items() if value is not None}
        numerics.write_text(f"{numerics.read_text()}\nPINS = {pins!r}\n")
        run = tiny.command(TARGET, tables=[TABLE])
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        made = travelling.contents(travelling.read(folder / travelling.FILE))
        return pd.read_csv(folder / TARGET, index_col=["row", "column"]), made


def difference(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    both = (first["reproduced"] - second["reproduced"]).abs()
    return both[first["status"] == "reproduced"]


def changed(first: dict[str, str], second: dict[str, str]) -> str:
    return f"{sum(second[path] != sha for path, sha in first.items())} of {len(first)}"


def report(name: str, value: str, cells: pd.Series, files: str) -> None:
    mean = cells[cells.index.get_level_values("column") == "mAP"]
    print(
        f"| {name} | {value} | {files} | {np.max(mean):.2f} | {np.nanmax(cells):.2f} |", flush=True
    )


if __name__ == "__main__":
    main()
