"""Prove a job's result: facts about its rows, features and sources, and a recomputation of some rows in plain Python."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import starmap
from pathlib import Path
from statistics import median
from typing import Any

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.text import html_table
from feature_platform_py.jobs.plan import INPUT_MODEL, JobPlan
from feature_platform_py.jobs.point_in_time import Use
from feature_platform_py.jobs.split import SPLIT_COLUMN
from feature_platform_py.runs.recompute import Recomputation, asking_columns, recompute
from feature_platform_py.runs.row_counts import RowCounts, count_rows
from feature_platform_py.targets import Backend, backend_of
from feature_platform_py.warehouse.external_sources import placed_source
from feature_platform_py.warehouse.file_states import latest_version

SAMPLE_ROWS = 200
MAX_LISTED = 10
_LABEL = 10
AGE = "age of the newest row that counted (of the rows computed again)"
_PACKAGES = (
    "feature-platform",
    "dbt-core",
    "dbt-databricks",
    "pysail",
    "pyspark-client",
    "pyspark",
    "pyarrow",
    "deltalake",
)


@dataclass(frozen=True, repr=False)
class Proof:
    """What is known of a result, as a JSON value; a notebook shows it as a table."""

    value: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The proof as one line of JSON."""
        return json.dumps(self.value, ensure_ascii=False)

    def lines(self) -> list[str]:
        """Return the proof as text."""
        features = list(self.features())
        width = max((len(name) for name, _, _ in features), default=0)
        return [
            *starmap(_line, self.facts()),
            "",
            f"{'feature':<{width}}    NULL  {AGE}",
            *(f"{name:<{width}}  {nulls:>6}  {age}" for name, nulls, age in features),
            "",
            *starmap(_line, self.origins()),
        ]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        features = html_table(("feature", "NULL", AGE), self.features())
        return html_table((), self.facts()) + features + html_table((), self.origins())

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what is known of the whole result: what it is about, and the fact in words."""
        rows, again = self.value["rows"], self.value["recomputed"]
        nulls = "".join(f"; {count:,} with NULL `{name}`" for name, count in rows["nulls"].items() if count)
        at_t = "do not count" if self.value["closed"] == "left" else "count"
        yield "job", self.value["job"]
        yield "rows", f"{rows['in']:,} in, {rows['out']:,} out; {rows['repeated']:,} ask the same as another row{nulls}"
        if "shown" in rows:
            yield "parts" if rows["parts"] else "kept", rows["shown"]
        yield "known by", f"{self.value['known_by']}; source rows at a row's own time {at_t}"
        yield (
            "computed again in plain Python",
            f"{again['rows']:,} of {again['asked_for']:,} random rows (seed {again['seed']}),"
            f" {again['agreed']:,} of {again['values']:,} values agree",
        )
        yield from (("  disagrees", each) for each in again["disagreements"])
        if self.value["look_ahead"]:
            yield "look ahead of the row", ", ".join(self.value["look_ahead"])
        yield from (
            ("not known yet", f"{name} of {count:,} rows") for name, count in self.value["immature"].items() if count
        )

    def features(self) -> Iterator[tuple[str, str, str]]:
        """Yield the name of each feature, its share of NULL, and the age of the newest row that counted, in words."""
        for name, fact in self.value["features"].items():
            is_target = name in self.value["immature"]
            told = "a target: looks ahead of the row" if is_target else _age_in_words(fact["age_seconds"])
            yield name, f"{100 * fact['null_share']:.1f}%", told if fact["is_recomputed"] else "not computed again"

    def origins(self) -> Iterator[tuple[str, str]]:
        """Yield what the result was made of: sources, tables, and versions of packages."""
        for each in self.value["sources"]:
            yield (
                "source",
                each["name"] + ("" if each["delta_version"] is None else f", version {each['delta_version']}"),
            )
        for name, fact in self.value["tables"].items():
            yield "table", f"{name}: definition {fact['definition']}, rows {fact['rows'] or 'none'}"
        yield "versions", ", ".join(f"{name} {number}" for name, number in self.value["versions"].items())


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}" if len(label) < _LABEL else f"{label}: {text}"


def _age_in_words(age: Mapping[str, float] | None) -> str:
    if age is None:
        return "nothing counted"
    return f"{_span(age['min'])} to {_span(age['max'])}, median {_span(age['median'])}"


def _span(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:g} s"


def prove(plan: JobPlan, project: Project, *, rows: int = SAMPLE_ROWS) -> Proof:
    """Return the proof of a result that is built, and keep it in the job's folder below `target`.

    `rows` are chosen by a seed made of the definitions and of the state of the sources: other data, other rows. The ages of rows
    that counted are those of the rows computed again. Raises DataCheckError, with the first value that disagrees, if one does.
    """
    backend, schema = backend_of(project), project.target.schema
    tables, sources = dict(_tables(plan, schema, backend)), list(_sources(plan, project))
    seed = _digest([tables, sources])
    try:
        again = recompute(plan, schema, backend, rows=rows, seed=seed)
    except (ValueError, OverflowError) as error:
        raise DataCheckError(f"the features of some rows are not decided: {error}. The sink was not written") from error
    proof = Proof(
        {
            "job": plan.job_name,
            "rows": _rows(plan, schema, backend),
            "known_by": plan.config.asking.known_by or "when a row was there, where its source says so",
            "closed": plan.config.asking.closed or "right",
            "features": dict(_features(plan, schema, backend, again)),
            "look_ahead": _looking_ahead(plan),
            "immature": dict(_immature(plan, schema, backend, again)),
            "recomputed": _recomputed(again, seed),
            "tables": tables,
            "sources": sources,
            "versions": dict(_versions()),
        }
    )
    replace_file(_file(project, plan.job_name), json.dumps(proof.value, indent=2, ensure_ascii=False))
    if again.disagreements:
        raise DataCheckError(_disagreement(plan, again, project))
    return proof


def last_proof(project: Project, job_name: str) -> Proof | None:
    """Return the proof of a job's last run; None if there is no readable one here."""
    try:
        return Proof(json.loads(_file(project, job_name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def _file(project: Project, job_name: str) -> Path:
    return project.caches / job_name / "proof.json"


def _rows(plan: JobPlan, schema: str, backend: Backend) -> dict[str, Any]:
    """Return how many rows there are before and after, how many ask the same as another one, and how many lack a key or a time."""
    names = asking_columns(plan)
    listed = ", ".join(map(quoted, names))
    relation = backend.sql_name(f"{schema}.{plan.table_name(INPUT_MODEL)}")
    result = backend.sql_name(f"{schema}.{plan.table_name(plan.output_model)}")
    filled = ", ".join(f"count({quoted(name)})" for name in names)
    [[rows, *known]] = backend.query(f"select count(*), {filled} from {relation}").values  # noqa: S608 - quoted
    [[different]] = backend.query(
        f"select count(*) from (select distinct {listed} from {relation}) as different"  # noqa: S608 - quoted
    ).values
    [[written]] = backend.query(f"select count(*) from {result}").values  # noqa: S608 - quoted
    nulls = {name: rows - count for name, count in zip(names, known, strict=True)}
    counts = count_rows(plan, relation, schema, backend)
    if written != (counts.kept if counts else rows):
        raise DataCheckError(_lost_rows(plan, rows, written, counts))
    return {"in": rows, "out": written, "repeated": rows - different, "nulls": nulls, **_left_out(counts)}


def _left_out(counts: RowCounts | None) -> dict[str, Any]:
    if counts is None:
        return {}
    told = counts.as_dict()
    return {"shown": counts.shown, **{name: told[name] for name in ("immature", "purged", "parts")}}


def _lost_rows(plan: JobPlan, rows: int, written: int, counts: RowCounts | None) -> str:
    left_out = f", of which {counts.immature:,} are immature and {counts.purged:,} purged" if counts else ""
    return (
        f"job `{plan.job_name}`: expected {counts.kept if counts else rows:,} rows in the result, found {written:,}: the job has"
        f" {rows:,}{left_out}. The sink was not written. Build the tables anew with `--full-refresh`; if the numbers still disagree,"
        " report a fault of the platform"
    )


def _features(
    plan: JobPlan, schema: str, backend: Backend, again: Recomputation
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each feature with its share of NULL, and the age of the newest row that counted in the rows computed again."""
    names = [column.name for column in plan.features if column is not SPLIT_COLUMN]
    relation = backend.sql_name(f"{schema}.{plan.table_name(plan.output_model)}")
    filled = "".join(f", count({quoted(name)})" for name in names)
    [[rows, *counts]] = backend.query(f"select count(*){filled} from {relation}").values  # noqa: S608 - quoted
    for name, count in zip(names, counts, strict=True):
        yield (
            name,
            {
                "null_share": (rows - count) / rows if rows else 0.0,
                "age_seconds": _ages(again.ages.get(name, ())),
                "is_recomputed": name in again.features,
            },
        )


def _looking_ahead(plan: JobPlan) -> list[str]:
    """Return the features that look ahead of their row; targets are meant to."""
    targets = {each.column.name for each in plan.joined_columns if each.group is None}
    return [column.name for column in plan.features if column.looks_ahead and column.name not in targets]


def _immature(plan: JobPlan, schema: str, backend: Backend, again: Recomputation) -> Iterator[tuple[str, int]]:
    """Yield each target with the number of rows for which it is not known yet."""
    relation = backend.sql_name(f"{schema}.{plan.table_name(INPUT_MODEL)}")
    for use in plan.uses:
        if use.ahead_seconds is not None and use.time is not None:
            newest = again.newest[use.name]
            end = f"unix_micros(cast({quoted(use.time[1])} as timestamp)) + {use.ahead_seconds * 1_000_000}"
            count = f"count({end})" if newest is None else f"count(case when {end} > {newest} then 1 end)"
            [[found]] = backend.query(f"select {count} from {relation}").values  # noqa: S608 - quoted
            yield from ((column.name, int(found)) for column in use.feature_set.features)


def _ages(micros: Sequence[int]) -> dict[str, float] | None:
    if not micros:
        return None
    return {name: of(micros) / 1_000_000 for name, of in (("min", min), ("median", median), ("max", max))}


def _recomputed(again: Recomputation, seed: str) -> dict[str, Any]:
    return {
        "seed": seed,
        "asked_for": again.asked,
        "rows": again.rows,
        "values": again.values,
        "agreed": again.values - len(again.disagreements),
        "disagreements": [str(each) for each in again.disagreements[:MAX_LISTED]],
    }


def _disagreement(plan: JobPlan, again: Recomputation, project: Project) -> str:
    shown = project.shown(_file(project, plan.job_name))
    return (
        f"job `{plan.job_name}`: {again.disagreements[0]} by its definition and the source's rows ({len(again.disagreements):,} of"
        f" {again.values:,} recomputed values disagree, see {shown}). The sink was not written. Build the tables anew with"
        " `--full-refresh`; if values still disagree, report a fault of the platform"
    )


def _definition(use: Use) -> dict[str, Any]:
    """Return all that decides the features of a use, as plain values."""
    return {
        "relation": use.relation,
        "keys": dict(use.keys),
        "time": use.time,
        "columns": use.columns,
        "filters": [(each.column, each.op, each.value) for each in use.filters],
        "macro": use.feature_set.macro,
        "params": use.feature_set.params,
        "known": dict(use.known),
        "ahead": (use.ahead_seconds, use.newest_of),
    }


def _tables(plan: JobPlan, schema: str, backend: Backend) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the table of each use, with a digest of its definition, and the fingerprint of the rows that it was computed from."""
    for use in plan.uses:
        relation = backend.sql_name(f"{schema}.{plan.table_name(use.name)}")
        [[found]] = backend.query(f"select max(_input_fingerprint) from {relation}").values  # noqa: S608 - quoted
        yield use.name, {"definition": _digest(_definition(use)), "rows": found}


def _sources(plan: JobPlan, project: Project) -> Iterator[dict[str, Any]]:
    """Yield what the job reads, each once; of a Delta table on this machine with its version."""
    found = {source.shown: source for source in plan.sources}
    for name, source in found.items():
        delta_version = None
        if source.format == "delta":
            delta_version = latest_version(placed_source(source.location, "delta", source.options, project.root))
        yield {"name": name, "location": source.location, "format": source.format, "delta_version": delta_version}


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _versions() -> Iterator[tuple[str, str]]:
    yield "python", platform.python_version()
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue
