"""The bill of a study, as plain data and as text."""

import textwrap
from collections import defaultdict
from pathlib import Path
from typing import Any

from labelgraph.costs import planning, storage
from labelgraph.costs.planning import HOUR, KINDS, Choice, Costs, Job
from labelgraph.files.plurals import counted
from labelgraph.jobs.provenance import circumstances
from labelgraph.tables import titles

DAY = 24 * HOUR
GB = 1e9
DEVICES = (1, 4, 8)
RUNS = Path("results/runs")


def bill(costs: Costs, choice: Choice, devices: tuple[int, ...] = DEVICES) -> dict[str, Any]:
    """Everything that `labelgraph plan` says; hours and days with the interval's ends."""
    book, speeds, runs = costs.book, costs.speeds, choice.runs()
    jobs = costs.jobs(runs)
    gpu = book.size.gpu > 0
    longest = max(jobs, key=lambda job: job.seconds)
    trained = [job for job in jobs if job.kind == "trainings"]
    kept = storage.of_study(book, runs, jobs, costs.sizes, max(devices))
    return {
        "study": book.study,
        "unit": "GPU-hours" if gpu else "hours of a processor core",
        "device": speeds.device,
        "basis": speeds.basis,
        "trainings": len(trained),
        "hours": interval(costs, planning.total(jobs) / HOUR),
        "kinds": {
            kind: {"jobs": len(some), "hours": interval(costs, planning.total(some) / HOUR)}
            for kind in KINDS
            if (some := [job for job in jobs if job.kind == kind])
        },
        "days": [
            {"devices": count, "days": interval(costs, planning.makespan(jobs, count) / DAY)}
            for count in devices
        ],
        "longest": {"name": longest.name, "kind": longest.kind}
        | {"hours": interval(costs, longest.seconds / HOUR)},
        "memory_gb": {"most": round(max(job.memory for job in trained) / GB, 2)}
        | {"job": max(trained, key=lambda job: job.memory).name},
        "storage": vars(kept),
        "images": {name: vars(size) for name, size in sorted(costs.sizes.items())},
        "tables": by_table(costs, choice, jobs),
        "methods": by_method(costs, jobs),
        "savings": savings(costs, choice, jobs),
        "checked": checked(trained, "wall_seconds" if gpu else "cpu_seconds"),
    }


def interval(costs: Costs, value: float) -> list[float]:
    """The estimate and the ends of its interval."""
    speeds = costs.speeds
    return [value, value * speeds.fast, value * speeds.slow]


def by_table(costs: Costs, choice: Choice, jobs: list[Job]) -> list[dict[str, Any]]:
    """Runs are shared by tables, so the sum over tables is more than the whole."""
    seconds: dict[str, float] = defaultdict(float)
    for job in jobs:
        seconds[job.name] += job.seconds
    shown = choice.tables | ({"figures alone": choice.figures} if choice.figures else {})
    found = []
    for name, runs in shown.items():
        others = set().union(*(each for key, each in shown.items() if key != name))
        alone = [run for run in runs if run not in others]
        found.append(
            {
                "name": name,
                "trainings": len(runs),
                "hours": interval(costs, sum(seconds[run.folder] for run in runs) / HOUR),
                "only_here": interval(costs, sum(seconds[run.folder] for run in alone) / HOUR),
            }
        )
    return [line for line in found if line["trainings"]]


def by_method(costs: Costs, jobs: list[Job]) -> list[dict[str, Any]]:
    found = []
    for method in costs.book.methods:
        own = [job for job in jobs if job.method == method]
        trained = [job for job in own if job.kind == "trainings"]
        if trained:
            longest = max(job.seconds for job in trained)
            found.append(
                {
                    "name": method,
                    "title": titles.system(costs.book, method),
                    "trainings": len(trained),
                    "hours": interval(costs, planning.total(own) / HOUR),
                    "longest_hours": longest / HOUR,
                    "memory_gb": round(max(job.memory for job in trained) / GB, 2),
                }
            )
    return sorted(found, key=lambda line: -line["hours"][0])


def savings(costs: Costs, choice: Choice, jobs: list[Job]) -> list[dict[str, Any]]:
    whole, found = planning.total(jobs), []
    for what, how, runs, priced in planning.savings(costs, choice):
        left = planning.total(priced.jobs(runs))
        found.append(
            {
                "what": what,
                "how": how,
                "trainings": len(runs),
                "saved_hours": interval(costs, (whole - left) / HOUR),
                "saved_share": (whole - left) / whole,
            }
        )
    return found


def checked(trained: list[Job], clock: str) -> dict[str, Any] | None:
    """What trainings made here took, beside their estimates; None if there are none."""
    took, estimated = defaultdict(float), defaultdict(float)
    count = 0
    for job in trained:
        seconds = circumstances(RUNS / job.name)[clock]
        if seconds is not None:
            count += 1
            took[job.method] += seconds
            estimated[job.method] += job.seconds
    if not count:
        return None
    return {
        "trainings": count,
        "took_hours": sum(took.values()) / HOUR,
        "estimated_hours": sum(estimated.values()) / HOUR,
        "ratio": sum(estimated.values()) / sum(took.values()),
        "methods": {method: estimated[method] / took[method] for method in sorted(took)},
    }


def text(found: dict[str, Any]) -> str:
    blocks = [heading(found), whole(found), room(found), tables(found), methods(found)]
    if found["savings"]:
        blocks.append(cheaper(found))
    if found["checked"]:
        blocks.append(comparison(found["checked"]))
    return "\n\n".join(blocks) + "\n"


def heading(found: dict[str, Any]) -> str:
    count = counted(found["trainings"], "training", "trainings")
    hours = span(found["hours"])
    return f"{found['study']}: {count}, {hours} {found['unit']} ({found['device']})\n" + wrapped(
        f"Basis: {found['basis']}."
    )


def whole(found: dict[str, Any]) -> str:
    kinds = [
        f"  {kind:12} {line['jobs']:5d} jobs   {span(line['hours'])} hours"
        for kind, line in found["kinds"].items()
    ]
    what = "GPU" if found["unit"] == "GPU-hours" else "core"
    days = [
        f"  on {counted(line['devices'], what, f'{what}s')}: {span(line['days'])} days"
        for line in found["days"]
    ]
    longest, memory = found["longest"], found["memory_gb"]
    where = "of a GPU in single precision, at most" if what == "GPU" else "of a process, at most"
    return "\n".join(
        [
            "What takes time",
            *kinds,
            *days,
            f"  longest job: {span(longest['hours'])} hours, {longest['name']} ({longest['kind']})",
            f"  memory {where}: {memory['most']:.1f} GB, {memory['job']}",
            f"  images: {images(found)}",
        ]
    )


def images(found: dict[str, Any]) -> str:
    return "; ".join(
        f"{name} {size['train']:,} + {size['report']:,}" for name, size in found["images"].items()
    )


def room(found: dict[str, Any]) -> str:
    kept = found["storage"]
    parts = ", ".join(f"{name} {gb(size)}" for name, size in kept["parts"].items() if size)
    unknown = ", ".join(kept["unknown"])
    lines = [
        "Downloads and disk",
        f"  to download: {gb(kept['download'])}",
        f"  on disk: now {gb(kept['used'])}, at most {gb(kept['most'])} ({parts}); free now"
        f" {gb(kept['free'])}",
    ]
    if unknown:
        lines.append(f"  not in these numbers, since nobody gives their size: {unknown}")
    if kept["by_hand"]:
        lines.append(f"  given out on request, see sources.yaml: {', '.join(kept['by_hand'])}")
    lines.append("  photographs are taken to need as much room as their archives")
    return "\n".join(lines)


def tables(found: dict[str, Any]) -> str:
    lines = [f"  {'table':16} {'trainings':>9}  {'hours':24}  of these, for nothing else"]
    lines += [
        f"  {line['name']:16} {line['trainings']:9d}  {span(line['hours']):24}"
        f"  {span(line['only_here'])}"
        for line in found["tables"]
    ]
    return "\n".join(["By table (tables share trainings)", *lines])


def methods(found: dict[str, Any]) -> str:
    head = f"  {'method':14} {'trainings':>9}  {'hours':24}  {'longest training':>16}  memory"
    lines = [
        f"  {line['name']:14} {line['trainings']:9d}  {span(line['hours']):24}"
        f"  {number(line['longest_hours']):>14} h  {line['memory_gb']:.1f} GB"
        for line in found["methods"]
    ]
    return "\n".join(["By method", head, *lines])


def cheaper(found: dict[str, Any]) -> str:
    lines = [
        f"  {line['what']}: {100 * line['saved_share']:.0f} %, {span(line['saved_hours'])} hours;"
        f" {line['trainings']} trainings are left ({line['how']})"
        for line in found["savings"]
    ]
    return "\n".join(["What cheaper choices save", *lines])


def comparison(known: dict[str, Any]) -> str:
    ratios = ", ".join(f"{method} {ratio:.2f}" for method, ratio in known["methods"].items())
    return (
        f"Checked: the {counted(known['trainings'], 'training', 'trainings')} of these that"
        f" results/runs has took {number(known['took_hours'])} hours, estimated at"
        f" {number(known['estimated_hours'])}, {known['ratio']:.2f} times as many.\n"
        + wrapped(f"  By method: {ratios}.")
    )


def span(found: list[float]) -> str:
    """The estimate with its interval."""
    return f"{number(found[0])} [{number(found[1])}, {number(found[2])}]"


def number(value: float) -> str:
    """Two digits, or whole numbers."""
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2g}" if value >= 0.001 else "0"


def gb(size: int) -> str:
    return f"{size / GB:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"


def wrapped(sentence: str) -> str:
    return textwrap.fill(sentence, 100)
