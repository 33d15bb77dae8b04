"""The project whose jobs are timed: the template's, with a source of events, two groups of features over it, and jobs of labels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.engines import remove
from benchmarks.inputs import DATA, ROOT, show_at
from benchmarks.processes import Finished, run
from benchmarks.training_cases import WINDOWS, Labels

PROJECT = DATA / "training"
WAREHOUSE = PROJECT / "warehouse"
JOBS = ("windows", "versions")
"""Features at the label's own time, computed from events; and the newest of the values that were computed at events."""
_FPJOB = str(Path(sys.executable).with_name("fpjob"))
_KEY = {"name": "user_id", "type": "bigint", "required": True, "description": "The user."}
_NAMES = {"sum": "spend", "count": "events", "max": "largest"}
_VALUES_SQL = "select * from {{ source('value', 'event_values') }}\n"


def write_project(
    labels: Labels, groups: Mapping[str, Mapping[str, Any]] | None = None, known: Mapping[str, Any] | None = None
) -> None:
    """Write the project anew, over these tables.

    `groups` are others in the place of the windows' one; `known` is when the source says that its rows are there.
    """
    remove(PROJECT)
    _fpjob("init", "project", str(PROJECT), folder=ROOT)
    windows = groups or {"label_windows": _label_windows()}
    for name, content in {**_registry(windows, known or {}), **dict(_jobs(windows))}.items():
        path = PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    show(labels)
    _fpjob("registry", "sync", folder=PROJECT)


def show(labels: Labels, *, has_values: bool = True) -> None:
    """Let the project's sources show these tables; without values, only windows can be computed."""
    show_at(PROJECT / "data" / "events.parquet", labels.events.file())
    if has_values:
        show_at(PROJECT / "data" / "values.parquet", labels.values_file())
    show_at(PROJECT / "data" / "labels.parquet", labels.file())


def run_job(job: str, *, limit_seconds: float | None = None) -> Finished:
    """Run a job of the project in a process of its own, from an empty warehouse."""
    remove(WAREHOUSE)
    remove(output_of(job))
    command = [_FPJOB, "run", f"configs/jobs/{job}.yaml", "--format", "json"]
    environment = {"FP_WAREHOUSE": str(WAREHOUSE)}
    return run(command, folder=PROJECT, environment=environment, limit_seconds=limit_seconds)


def output_of(job: str) -> Path:
    """Where a job writes its result."""
    return PROJECT / "output" / job


def _fpjob(*arguments: str, folder: Path) -> None:
    subprocess.run([_FPJOB, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _registry(groups: Mapping[str, Mapping[str, Any]], known: Mapping[str, Any]) -> dict[str, Any]:
    groups = {**groups, "label_versions": _versions_group()}
    return {
        "registry/entity/user/user.yaml": {
            "name": "user",
            "description": "Whose events these are.",
            "version": "1.0.0",
            "is_leaf": True,
            "primary_key": "user_id",
            "fields": [_KEY],
        },
        "registry/source/event/v1/events_source.yaml": _events_source() | dict(known),
        "registry/source/value/v1/event_values_source.yaml": _values_source(),
        "models/event_values.sql": _VALUES_SQL,
        **{f"registry/feature/{name}.yaml": {"name": name, **group} for name, group in groups.items()},
    }


def _described(name: str, fields: Mapping[str, str], file: str) -> dict[str, Any]:
    typed = [{"name": each, "type": type_, "required": True, "description": each} for each, type_ in fields.items()]
    place = {"local": {"location": f"data/{file}", "format": "parquet"}}
    return {
        "name": name,
        "description": f"The benchmark's {name}.",
        "owner": "benchmark",
        "entity": "user",
        "event_time": "timestamp",
        "fields": [_KEY, *typed],
        "locations": place,
    }


def _events_source() -> dict[str, Any]:
    fields = {"transaction_id": "bigint", "timestamp": "timestamp", "amount": "decimal(12,2)"}
    return _described("events", fields, "events.parquet") | {"primary_key": "transaction_id"}


def _values_source() -> dict[str, Any]:
    return _described("event_values", {"timestamp": "timestamp", **_types()}, "values.parquet")


def _types() -> dict[str, str]:
    types = {"sum": "decimal(38,2)", "count": "bigint", "max": "decimal(12,2)"}
    return {name: types[function] for name, (function, _) in WINDOWS.items()}


def _group(**said: Any) -> dict[str, Any]:
    return {"description": "Features of the benchmark.", "owner": "benchmark", "entity": "user", **said}


def windows_group(features: Sequence[Mapping[str, Any]], *, prefix: str = "") -> dict[str, Any]:
    """A group of features over the events; names begin with the prefix, if they have none."""
    named = [{"name": f"{prefix}{each['function']}", **each} for each in features]
    return _group(source="event/events", features=named)


def _label_windows() -> dict[str, Any]:
    windows: dict[str, list[str]] = {}
    for function, days in WINDOWS.values():
        windows.setdefault(function, []).append(f"{days}d")
    return windows_group(
        [
            {"function": function, "column": "amount", "windows": of, "name": _NAMES[function]}
            for function, of in windows.items()
        ]
    )


def _versions_group() -> dict[str, Any]:
    features = [{"name": name, "type": type_, "description": name} for name, type_ in _types().items()]
    return _group(model="event_values", keys={"user_id": "user_id"}, timestamp_col="timestamp", features=features)


def _jobs(groups: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for job, features in {"windows": [f"{each}.*" for each in groups], "versions": ["label_versions.*"]}.items():
        source = {"location": "data/labels.parquet", "format": "parquet"}
        yield (
            f"configs/jobs/{job}.yaml",
            {
                "job_name": f"label_{job}_v1",
                "input_source": {"source_type": "spark", "config": source},
                "entities": {"user": "user_id"},
                "event_time": "decided_at",
                "features": features,
                "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": f"output/{job}"}},
            },
        )
