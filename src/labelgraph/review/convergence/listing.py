"""All checks of a study as csv and Markdown."""

import csv
import io
from collections import Counter
from typing import Any

from labelgraph.files import escaping
from labelgraph.files.plurals import counted
from labelgraph.score.convergence import NOT_CONVERGED, VERDICTS

FILE = "convergence.csv"  # beside the tables of a study
NUMBERS = ("mean", "std", "once", "longer", "difference", "low", "high")
FIELDS = ("place", "system", "epochs", "longer_epochs", "seeds", *NUMBERS, "verdict")
METHOD = """\
Every method is trained once more with {times} its epochs, at the same seed; the epochs at which its
rate falls or its parts begin stretch with them, and nothing else changes. `mAP` is that of the
tables: the mean over seeds, and after ± their standard deviation. The difference is between the two
runs, in brackets with its 95 % interval over report images that are drawn again.

- *not converged*: mAP rises by more than the standard deviation over seeds, and the interval lies
  above zero. More training would give a higher number, and tables say so.
- *unclear*: mAP rises by more than that, but the interval includes zero. A few seeds lie close
  together by chance, so this alone says little, and tables do not mention it.
- *overfits*: mAP falls by more than that, and the interval lies below zero. The method has learnt
  more than enough.
- *converged*: all else.

With one seed there is no standard deviation, and the interval alone decides."""
Entry = dict[str, Any]


def as_csv(checks: list[Entry]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for check in checks:
        found = check["result"]
        numbers = ("" if found[name] is None else f"{found[name]:.6f}" for name in NUMBERS)
        about = [check["place"], check["system"], *found["epochs"], found["seeds"]]
        writer.writerow([*about, *numbers, found["verdict"]])
    return text.getvalue()


def as_markdown(recipe: Entry, checks: list[Entry]) -> str:
    """`recipe`: the study, its note, and how many `times` the epochs."""
    places = dict.fromkeys(check["where"] for check in checks)
    parts = [
        f"# Does more training change the numbers of study `{recipe['study']}`?",
        summary(checks, recipe["times"]),
        *[
            text
            for place in places
            for text in (f"## {escaping.markdown(place)}", table(checks, place))
        ],
        "## How to read this",
        METHOD.format(times=recipe["times"]),
        escaping.prose(recipe["note"]),
    ]
    return "\n\n".join(parts) + "\n"


def summary(checks: list[Entry], times: str) -> str:
    number = Counter(check["result"]["verdict"] for check in checks)
    found = ", ".join(f"{number[name]} {name}" for name in VERDICTS)
    return f"With {times} the epochs, of {counted(len(checks), 'check', 'checks')}: {found}."


def table(checks: list[Entry], place: str) -> str:
    here = [check for check in checks if check["where"] == place]
    heads = ["", "epochs", "mAP", "once", "longer", "difference", "verdict"]
    rows = [heads, ["---", *["---:"] * 5, "---"], *map(row, here)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(check: Entry) -> list[str]:
    found = check["result"]
    spread = "" if found["std"] is None else f" ± {found['std']:.1f}"
    ends = f"[{signed(found['low'])}, {signed(found['high'])}]"
    verdict = found["verdict"]
    return [
        escaping.markdown(check["title"]),
        " → ".join(map(str, found["epochs"])),
        f"{found['mean']:.1f}{spread}",
        f"{found['once']:.1f}",
        f"{found['longer']:.1f}",
        f"{signed(found['difference'])} {ends}",
        f"**{verdict}**" if verdict == NOT_CONVERGED else verdict,
    ]


def signed(value: float) -> str:
    text = f"{value:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")
