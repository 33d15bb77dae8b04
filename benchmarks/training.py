"""Time training sets: ours, computed at the labels' own times, beside look-ups of values that were computed before."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.engines import remove
from benchmarks.inputs import DATA, ROOT, Input, tell
from benchmarks.processes import Finished, TimeLimitError, run
from benchmarks.training_cases import WINDOWS, Labels
from benchmarks.training_project import output_of, run_job, show, windows_group, write_project
from benchmarks.training_task import Task

FPJOB, STATEMENTS = "fpjob", "ours"
ENGINES: Mapping[str, tuple[str, ...]] = {
    "windows": (FPJOB, STATEMENTS, "duckdb"),
    "versions": (FPJOB, STATEMENTS, "duckdb", "polars", "tempo"),
}
"""The whole run of our job, its statements alone, and the peers; those of `windows` compute, those of `versions` look up."""
FEW = Labels(Input(rows=1000, users=100, months=24, density=1.0), 100)
MONTHS = 24
SIZES = (
    Labels(Input(1_000_000, 20_000, MONTHS, 1.0), 50_000),
    Labels(Input(5_000_000, 100_000, MONTHS, 1.0), 1_000_000),
)
DENSE = tuple(Labels(Input(1_000_000, users, MONTHS, 0), 50_000) for users in (20_000, 2_000, 1_000, 100))
LARGE = Labels(Input(50_000_000, 1_000_000, MONTHS, 1.0), 1_000_000)
LATE: Mapping[str, Mapping[str, Any]] = {
    "on time": {},
    "6 hours late": {"available_after": "6h"},
    "7 days late": {"available_after": "7d"},
}
WIDE_GROUPS, WIDE_DAYS, WIDE_FUNCTIONS = 45, 25, ("sum", "avg", "count", "stddev")
Timed = tuple[str, str]
"""A case and an engine."""


def compare(
    tables: Labels,
    *,
    repeats: int,
    limit_seconds: float,
    engines: Mapping[str, Sequence[str]] = ENGINES,
) -> dict[str, Any]:
    """The middle figures of each engine, in turns; `stopped` or `failed` in their place; and how the values differ."""
    runs: dict[Timed, list[Finished]] = {(case, each): [] for case, of in engines.items() for each in of}
    ended: dict[Timed, str] = {}
    for repeat in range(repeats):
        for timed in list(runs)[:: -1 if repeat % 2 else 1]:
            if timed not in ended:
                _time(timed, tables, runs[timed], ended, limit_seconds)
    found = [timed for timed, finished in runs.items() if finished and timed not in ended]
    return {
        **described(tables),
        "engines": {case: {each: _figures(runs, ended, (case, each)) for each in of} for case, of in engines.items()},
        "differences": list(_differences(found)),
        "stale": _differing(_output("windows", FPJOB), _output("versions", FPJOB)) if _both_ours(found) else {},
        "stages": {case: runs[case, FPJOB][-1].report for case in engines if (case, FPJOB) in found},
    }


def measure(repeats: int, limit_seconds: float) -> Iterator[dict[str, Any]]:
    """All of the part, yielded as far as it is there: the sizes, dense users, late rows, and many groups."""
    found: dict[str, Any] = {"repeats": repeats, "limit_seconds": limit_seconds, "sizes": [], "dense": [], "late": {}}
    write_project(FEW)
    warm_up()
    for tables in SIZES:
        found["sizes"].append(compare(tables, repeats=repeats, limit_seconds=limit_seconds))
        yield found
    for tables in DENSE:
        engines = {"windows": (STATEMENTS, "duckdb"), "versions": (STATEMENTS, "duckdb")}
        found["dense"].append(compare(tables, repeats=1, limit_seconds=limit_seconds, engines=engines))
        yield found
    for name, known in LATE.items():
        write_project(FEW, known=known)
        run_job("windows")
        found["late"][name] = compare(
            SIZES[0], repeats=1, limit_seconds=limit_seconds, engines={"windows": (STATEMENTS,)}
        )
        yield found
    yield found | {"wide": _wide()}


def measure_large() -> dict[str, Any]:
    """One run of our job over the large table."""
    write_project(FEW)
    warm_up()
    return compare(LARGE, repeats=1, limit_seconds=math.inf, engines={"windows": (FPJOB,)})


def _wide() -> dict[str, Any]:
    """The first and the second run of a job of many groups of many features, over few rows."""
    days = range(1, WIDE_DAYS + 1)
    features = [
        {"function": each, "column": "amount", "windows": [f"{day}d" for day in days]} for each in WIDE_FUNCTIONS
    ]
    names = [f"group_{number + 1}" for number in range(WIDE_GROUPS)]
    write_project(FEW, groups={name: windows_group(features, prefix=f"{name}_") for name in names})
    runs = [run_job("windows"), run_job("windows")]
    return {
        "groups": WIDE_GROUPS,
        "features": len(WIDE_FUNCTIONS) * WIDE_DAYS,
        "runs": [{"seconds": each.seconds, "cpu_seconds": each.cpu_seconds, "report": each.report} for each in runs],
    }


def warm_up() -> None:
    """Run our jobs once on few rows, so that dbt has parsed the project."""
    show(FEW)
    for case in ENGINES:
        run_job(case)


def described(tables: Labels) -> dict[str, Any]:
    """The tables, as a result names them."""
    return {**asdict(tables.events), "labels": tables.rows}


def run_peer(case: str, engine: str, tables: Labels, *, limit_seconds: float | None = None) -> Finished:
    """Run an engine, or the statements of our job alone, in a process of its own."""
    output = _output(case, engine)
    remove(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    task = Task(case, tables.events.file(), tables.values_file(), tables.file(), output)
    module = "benchmarks.our_training" if engine == STATEMENTS else f"benchmarks.peers.{engine}_training"
    return run([sys.executable, "-m", module, *task.arguments()], folder=ROOT, limit_seconds=limit_seconds)


def _time(
    timed: Timed, tables: Labels, finished: list[Finished], ended: dict[Timed, str], limit_seconds: float
) -> None:
    case, engine = timed
    try:
        if engine == FPJOB:
            show(tables, has_values=tables != LARGE)
            finished.append(run_job(case, limit_seconds=limit_seconds))
        else:
            finished.append(run_peer(case, engine, tables, limit_seconds=limit_seconds))
        tell(f"  {tables.name}, {case}: {engine} {_seconds(engine, finished[-1]):.1f} s")
    except RuntimeError as error:
        ended[timed] = "stopped" if isinstance(error, TimeLimitError) else "failed"
        tell(f"  {tables.name}, {case}: {engine} {ended[timed]}: {error}")


def _seconds(engine: str, finished: Finished) -> float:
    return finished.seconds if engine == FPJOB else float(finished.report["seconds"])


def _figures(
    runs: Mapping[Timed, Sequence[Finished]], ended: Mapping[Timed, str], timed: Timed
) -> dict[str, float] | str:
    if timed in ended:
        return ended[timed]
    engine, finished = timed[1], runs[timed]
    of_each: Mapping[str, Callable[[Finished], float]] = {
        "seconds": lambda each: _seconds(engine, each),
        "cpu_seconds": lambda each: each.cpu_seconds if engine == FPJOB else float(each.report["cpu_seconds"]),
        "peak_bytes": lambda each: each.peak_bytes() or 0,
    }
    return {name: statistics.median(map(figure, finished)) for name, figure in of_each.items()}


def _output(case: str, engine: str) -> Path:
    return output_of(case) if engine == FPJOB else DATA / "output" / f"training_{case}_{engine}.parquet"


def _both_ours(found: Iterable[Timed]) -> bool:
    return {("windows", FPJOB), ("versions", FPJOB)} <= set(found)


def _differences(found: Sequence[Timed]) -> list[str]:
    """How the values of each engine differ from those of our job for the same case: labels and features, one by one."""
    told = []
    for case, engine in found:
        if engine != FPJOB and (case, FPJOB) in found:
            shares = _differing(_output(case, FPJOB), _output(case, engine))
            told += [
                f"{case}, {engine}: {name} of {share:.2%} of the labels" for name, share in shares.items() if share
            ]
    return told


def _differing(one: Path, other: Path) -> dict[str, float]:
    """The share of labels for which two outputs have other values, for each feature; a label that one lacks differs."""
    import duckdb

    counts = ", ".join(f"avg((one.{name} is distinct from other.{name})::int)" for name in WINDOWS)
    missing = "avg((one.label_id is distinct from other.label_id)::int)"
    joined = f"{_rows(one)} as one full join {_rows(other)} as other using (label_id)"
    with duckdb.connect(config={"threads": 2}) as connection:
        [shares] = connection.sql(f"select {missing}, {counts} from {joined}").fetchall()
    return dict(zip(("labels", *WINDOWS), map(float, shares), strict=True))


def _rows(path: Path) -> str:
    return f"read_parquet('{path / '**/*.parquet' if path.is_dir() else path}')"
