"""The parts of the benchmark: each measures something, and keeps what it found as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import training
from benchmarks.agreement import disagreements
from benchmarks.engines import JVM_SLIDING, JVM_SQL, OURS, Task, medians, models, remove, run_engine, run_ours, warm_up
from benchmarks.features import CONFIGURATIONS
from benchmarks.inputs import DATA, Input, tell
from benchmarks.processes import Finished, TimeLimitError

CURVE_CONFIGURATION, WINDOW_CONFIGURATION, LARGE_CONFIGURATION = "sample", "year", "sample"
STEPS = ("first run", "new rows", "nothing new", "full refresh")
FEW_ROWS = Input(rows=1000, users=100, months=24, density=1.0)
JVM_ROWS_PER_USER = 10_000
_RESULTS = DATA / "results"


@dataclass(frozen=True)
class Settings:
    """What is measured: the table, the engines beside ours, and how often; sizes of the curves, in their order.

    `limit_seconds` is what one run of an engine may take on a curve; an engine that takes longer is left out from there on.
    """

    table: Input
    peers: tuple[str, ...]
    repeats: int
    incremental: tuple[str, ...]
    new_percent: float
    curve_rows: tuple[int, ...]
    window_rows: int
    window_users: tuple[int, ...]
    large_rows: int
    large_users: int
    jvm_users: tuple[int, ...]
    limit_seconds: float

    @classmethod
    def of(cls, given: argparse.Namespace) -> Settings:
        """The settings that the command line gives."""
        return cls(
            table=Input(given.rows, given.users, given.months, given.density),
            peers=tuple(given.peers),
            repeats=given.repeats,
            incremental=tuple(given.incremental),
            new_percent=given.new_percent,
            curve_rows=tuple(sorted(given.curve_rows)),
            window_rows=given.window_rows,
            window_users=tuple(sorted(given.window_users, reverse=True)),
            large_rows=given.large_rows,
            large_users=given.large_users,
            jvm_users=tuple(sorted(given.jvm_users)),
            limit_seconds=given.limit_seconds,
        )

    @property
    def engines(self) -> tuple[str, ...]:
        """Ours, then the peers."""
        return (OURS, *self.peers)


def run_part(name: str, settings: Settings) -> None:
    """Measure a part and keep the result; a curve keeps each point as soon as it is there."""
    tell(f"part {name}")
    if name in CONFIGURATIONS:
        keep(name, _compare(name, settings.table, settings, engines=settings.engines))
    else:
        _PARTS[name](settings)


def results() -> dict[str, Any]:
    """What has been measured at any time, by the name under which it was kept."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(_RESULTS.glob("*.json"))}


def _incremental(settings: Settings) -> None:
    for configuration in settings.incremental:
        keep(f"incremental_{configuration}", _incremental_runs(configuration, settings))


def _rows_curve(settings: Settings) -> None:
    users_per_row = settings.table.users / settings.table.rows
    tables = [
        Input(rows, max(1, round(rows * users_per_row)), settings.table.months, settings.table.density)
        for rows in settings.curve_rows
    ]
    _curve("rows", CURVE_CONFIGURATION, tables, settings, engines=settings.engines)


def _window_curve(settings: Settings) -> None:
    tables = [
        Input(settings.window_rows, users, settings.table.months, settings.table.density)
        for users in settings.window_users
    ]
    _curve("density", WINDOW_CONFIGURATION, tables, settings, engines=settings.engines)


def _large(settings: Settings) -> None:
    table = Input(settings.large_rows, settings.large_users, settings.table.months, settings.table.density)
    keep("large", _compare(LARGE_CONFIGURATION, table, settings, engines=(OURS,), repeats=1, label="large"))


def _jvm(settings: Settings) -> None:
    """The same rows per window at every size; users are alike, which is the case that a sliding frame likes best."""
    tables = [Input(JVM_ROWS_PER_USER * users, users, settings.table.months, 0) for users in settings.jvm_users]
    _curve("jvm", WINDOW_CONFIGURATION, tables, settings, engines=(JVM_SQL, JVM_SLIDING))


def _training(settings: Settings) -> None:
    for found in training.measure(settings.repeats, settings.limit_seconds):
        keep("training", found | _when_and_where())


def _large_training(settings: Settings) -> None:  # noqa: ARG001 - one size
    keep("training_large", training.measure_large() | _when_and_where())


_PARTS: Mapping[str, Callable[[Settings], None]] = {
    "incremental": _incremental,
    "rows": _rows_curve,
    "density": _window_curve,
    "large": _large,
    "jvm": _jvm,
    "training": _training,
    "training_large": _large_training,
}
PARTS = ("sample", "heavy", "as_of", *_PARTS)


def _compare(
    configuration: str,
    table: Input,
    settings: Settings,
    *,
    engines: Sequence[str],
    repeats: int | None = None,
    limit_seconds: float | None = None,
    label: str = "",
) -> dict[str, Any]:
    """All features by each engine, in turns; an engine that is over the limit once is left out."""
    repeats = repeats or settings.repeats
    features = CONFIGURATIONS[configuration]
    task = Task(label or configuration, features, table.file())
    runs: dict[str, list[Finished]] = {engine: [] for engine in engines}
    stopped: dict[str, float] = {}
    if OURS in engines:
        warm_up(task, FEW_ROWS.file())
    for engine in in_turns(engines, repeats):
        if engine not in runs:
            continue
        try:
            runs[engine].append(run_engine(engine, task, limit_seconds=limit_seconds))
            tell(f"  {task.name}, {table.path.stem}: {engine} {runs[engine][-1].seconds:.1f} s")
        except TimeLimitError as error:
            del runs[engine]
            stopped[engine] = error.cpu_seconds
            tell(f"  {task.name}, {table.path.stem}: {engine} was stopped after {limit_seconds:.0f} s")
    result = _described(configuration, table, repeats)
    return result | {
        "agreement": _agreement({engine: task.output(engine) for engine in runs}, task),
        "engines": {engine: medians(engine, finished) for engine, finished in runs.items()},
        "stopped": stopped,
        "models": models(runs[OURS]) if OURS in runs else [],
    }


def in_turns(engines: Sequence[str], repeats: int) -> Iterator[str]:
    """Every other round goes the other way, so that no engine always runs on a warmer machine."""
    for repeat in range(repeats):
        yield from engines if repeat % 2 == 0 else reversed(engines)


def _curve(
    name: str, configuration: str, tables: Sequence[Input], settings: Settings, *, engines: Sequence[str]
) -> None:
    points: list[dict[str, Any]] = []
    for table in tables:
        limit = settings.limit_seconds
        point = _compare(configuration, table, settings, engines=engines, limit_seconds=limit, label=name)
        engines = tuple(engine for engine in engines if engine in point["engines"])
        widest = max(CONFIGURATIONS[configuration].windows)
        points.append(point | {"rows_per_window": table.rows_per_window(widest)})
        keep(name, {"configuration": configuration, "limit_seconds": limit, "points": points})


def _incremental_runs(configuration: str, settings: Settings) -> dict[str, Any]:
    """Ours in steps, from an empty warehouse to the full refresh of the table with the new rows; the peers on that table."""
    extended = settings.table.with_new_rows(settings.new_percent)
    features = CONFIGURATIONS[configuration]
    # Only features with periods let a sink replace some.
    sink_type = "overwrite_delta" if features.is_as_of else "overwrite_parquet"
    task = Task(f"incremental_{configuration}", features, extended.file(), sink_type)
    before = replace(task, source=settings.table.file())
    steps: dict[str, list[Finished]] = {step: [] for step in STEPS}
    peers: dict[str, list[Finished]] = {peer: [] for peer in settings.peers}
    warm_up(task, FEW_ROWS.file())
    for engine in in_turns(settings.engines, settings.repeats):
        if engine == OURS:
            for step, finished in _run_steps(before, task):
                steps[step].append(finished)
        else:
            peers[engine].append(run_engine(engine, task))
            tell(f"  {task.name}: {engine} {peers[engine][-1].seconds:.1f} s")
    outputs = {step: _kept_output(task, step) for step in ("new rows", "full refresh")}
    outputs |= {peer: task.output(peer) for peer in peers}
    return _described(configuration, extended, settings.repeats) | {
        "sink_type": sink_type,
        "agreement": _agreement(outputs, task),
        "steps": {step: medians(OURS, runs) for step, runs in steps.items()},
        "models": {step: models(runs) for step, runs in steps.items()},
        "engines": {peer: medians(peer, runs) for peer, runs in peers.items()},
    }


def _run_steps(before: Task, task: Task) -> Iterator[tuple[str, Finished]]:
    for step in STEPS:
        if step == "first run":
            finished = run_engine(OURS, before)
        else:
            finished = run_ours(task, *(["--full-refresh"] if step == "full refresh" else []))
        if step in ("new rows", "full refresh"):
            _keep_output(task, step)
        tell(f"  {task.name}: {OURS}, {step} {finished.seconds:.1f} s")
        yield step, finished


def _kept_output(task: Task, step: str) -> Path:
    return task.output(f"{OURS}_{step.replace(' ', '_')}")


def _keep_output(task: Task, step: str) -> None:
    """Copy what the sink holds after a step, as a Parquet file; the sink stays as it is."""
    import pyarrow.dataset as ds
    from deltalake import DeltaTable
    from pyarrow.parquet import ParquetWriter

    sink, kept = task.output(OURS), _kept_output(task, step)
    remove(kept)
    rows = DeltaTable(sink).to_pyarrow_dataset() if (sink / "_delta_log").exists() else ds.dataset(sink)
    with ParquetWriter(kept, rows.schema) as writer:
        for batch in rows.to_batches():
            writer.write_batch(batch)


def _described(configuration: str, table: Input, repeats: int) -> dict[str, Any]:
    return {
        "configuration": configuration,
        **asdict(table),
        **asdict(CONFIGURATIONS[configuration]),
        "repeats": repeats,
        **_when_and_where(),
    }


def _when_and_where() -> dict[str, str]:
    return {"measured": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}


def machine() -> str:
    """The machine, and the versions of the engines."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    engines = ", ".join(f"{name} {version(name)}" for name in ("pysail", "pyspark", "duckdb", "polars"))
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB; Python {platform.python_version()}, {engines}"
    )


def _agreement(outputs: Mapping[str, Any], task: Task) -> str:
    if len(outputs) < 2:
        return ""
    differences = disagreements(outputs, task.features)
    for difference in differences:
        tell(f"  {difference}")
    return "**The outputs differ.**" if differences else "The outputs agree, column for column."


def keep(name: str, result: Mapping[str, Any]) -> None:
    """Keep a result under a name, in the place of an older one."""
    _RESULTS.mkdir(parents=True, exist_ok=True)
    unfinished = _RESULTS / f"{name}.unfinished"
    unfinished.write_text(json.dumps(result, indent=2))
    unfinished.replace(_RESULTS / f"{name}.json")
