"""The jobs that every engine runs: those of the project, and jobs over data that has every odd value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import write_files
from feature_platform_py.testing import edge_case_rows
from tests.conftest import ROOT
from tests.hostile import EVERYTHING, TEXTS, poison_registry

USER, TIME, AMOUNT, CATEGORY = "Benutzer id", "zeit'punkt", "Betrag (€)", "kategorie\\{{ 1 }}"
WINDOWS = [1, 7, 30, 365]
TARGETS = ["food", "it's", 'say "1"', "back\\slash", "`tick`", "{{ 1 }}", "naïve café", "100 %_"]
# Of the amounts that are left, the least is a millionth.
FILTERS: tuple[Mapping[str, object], ...] = (
    {"column": AMOUNT, "op": "gt", "value": 0},
    {"column": AMOUNT, "op": "lt", "value": 10**20},
    {"column": AMOUNT, "op": "not_equals", "value": 0.1234567},
    {"column": AMOUNT, "op": "not_in", "value": [0.5, "0.25"]},
)
# NaN passes, and so does -0.0.
FLOATING_FILTERS: tuple[Mapping[str, object], ...] = (
    {"column": "score", "op": "gte", "value": 0.0},
    {"column": "score", "op": "not_in", "value": [2.0, -0.5]},
)
SAMPLES = (
    "sample_customer_profile_job",
    "sample_financial_features_job",
    "training_features_job",
    "overdraft_training_job",
)
ODD = (
    "odd_rows",
    "odd_rows_as_of",
    "filtered",
    "double_amounts",
    "dates",
    "no_rows",
    "one_row",
    "hostile_text",
    "windows",
)
ACCOUNT, SCORE, DAY = "account", "score", "Tag"
SMALL = [{"column": AMOUNT, "op": "gt", "value": -(10**7)}, {"column": AMOUNT, "op": "lt", "value": 10**7}]
SMALL_SCORE = [{"column": SCORE, "op": "lt", "value": 10**7}]
# Of several keys in Prague's time, of doubles, and of dates.
WINDOW_AGGREGATORS: tuple[Mapping[str, Any], ...] = (
    {
        "keys": [USER, ACCOUNT],
        "timestamp_col": TIME,
        "time_zone": "Europe/Prague",
        "features": [
            {"function": "count", "windows": ["12h", "previous month", "lifetime"], "closed": "left"},
            {"function": "sum", "column": AMOUNT, "windows": ["12h", "30d offset 7d", "quarter"], "fill_value": 0},
            {"function": "avg", "column": AMOUNT, "windows": ["day", "previous week"]},
            {"function": "min", "column": CATEGORY, "windows": ["12h", "year"], "closed": "both"},
            {"function": "max", "column": AMOUNT, "windows": ["30d offset 7d", "previous year"]},
            {"function": "stddev", "column": AMOUNT, "windows": ["12h", "year"], "where": SMALL},
            {"function": "count_distinct", "column": CATEGORY, "windows": ["12h", "month"], "closed": "none"},
            {"function": "first", "column": CATEGORY, "windows": ["12h", "week"], "order_by": "id"},
            {"function": "last", "column": AMOUNT, "windows": ["12h"], "closed": "left", "order_by": CATEGORY},
            {"function": "last_k", "column": "id", "k": 3, "windows": ["30d", "lifetime"], "order_by": "id"},
            {"function": "seconds_since_last", "windows": ["lifetime"], "closed": "left"},
        ],
    },
    {
        "keys": USER,
        "timestamp_col": TIME,
        "prefix": "of_",
        "features": [
            {"function": "sum", "column": SCORE, "windows": ["7d", "lifetime"]},
            {"function": "variance", "column": SCORE, "windows": ["1d"], "where": SMALL_SCORE},
            {"function": "max", "column": SCORE, "windows": ["5m", "lifetime"]},
            {"function": "count_distinct", "column": SCORE, "windows": ["7d", "lifetime"]},
            {"function": "first_k", "column": SCORE, "k": 4, "windows": ["day"], "order_by": "id"},
            {"function": "seconds_since_first", "windows": ["30d offset 7d", "previous quarter"]},
            {
                "function": "sum",
                "column": AMOUNT,
                "windows": ["lifetime"],
                "by": {"column": CATEGORY, "values": TARGETS[:3]},
            },
        ],
    },
    {
        "keys": [ACCOUNT],
        "timestamp_col": DAY,
        "time_zone": "America/New_York",
        "features": [
            {"function": "sum", "column": AMOUNT, "windows": ["30d", "month"], "closed": "left"},
            {"function": "last", "column": TIME, "windows": ["previous month"], "order_by": "id"},
        ],
    },
)
# Each makes a column's name of its own.
HOSTILE = tuple(f"a{number} {text}" for number, text in enumerate(TEXTS))


def add_cases(project: Path) -> None:
    """Write every case's job, and its data, into a project; its result then goes to the table `results.<case>`."""
    for name in SAMPLES:
        text = (ROOT / "configs" / "jobs" / f"{name}.yaml").read_text(encoding="utf-8")
        _write_job(project, name, re.split(r"^output_sink:", text, flags=re.MULTILINE)[0])
    (project / "odd").mkdir()
    rows, _ = edge_case_rows(key=USER, time=TIME, amount=AMOUNT, category=CATEGORY, window_days=WINDOWS)
    decimals = pa.Table.from_pylist([{"id": number, **row} for number, row in enumerate(rows)], schema=_schema())
    double = pa.compute.cast(decimals[AMOUNT], pa.float64())
    doubles = decimals.set_column(3, AMOUNT, pa.chunked_array([_with_odd_doubles(double.to_pylist())]))
    doubles = doubles.set_column(1, USER, pa.array(_odd_users(decimals[USER].to_pylist()), pa.float64()))
    doubles = doubles.append_column("score", pa.array(_scores(len(rows)), pa.float64()))
    day = pa.compute.cast(decimals[TIME], pa.date32(), safe=False)
    tables = {
        "odd_rows": decimals,
        "odd_rows_as_of": decimals,
        "filtered": decimals,
        "double_amounts": doubles,
        "dates": decimals.set_column(2, TIME, day),
        "no_rows": decimals.slice(0, 0),
        "one_row": decimals.slice(0, 1),
    }
    for name, table in tables.items():
        pq.write_table(table, project / "odd" / f"{name}.parquet", row_group_size=2)
        filters = {"filtered": FILTERS, "double_amounts": FLOATING_FILTERS}.get(name, ())
        _write_job(project, name, odd_job(name, is_as_of=name == "odd_rows_as_of", filters=filters))
    _add_hostile_text(project)
    _add_windows(project)


def hostile_rows() -> list[dict[str, object]]:
    """Return a row for each hostile text, of three users by turns, and one that the job's filter leaves out."""
    texts = [*HOSTILE, "left out"]
    return [{"id": row, "user": row % 3, "amount": row + 1, "text": text} for row, text in enumerate(texts)]


def window_rows() -> pa.Table:
    """Return odd rows with a composite key, doubles, and the day of each time."""
    named = {"key": [USER, ACCOUNT], "time": TIME, "amount": AMOUNT, "category": CATEGORY, "double": SCORE}
    rows, _ = edge_case_rows(**named, window_days=[1, 7], windows=["12h", "30d offset 7d"])
    types = [("id", pa.int64()), (ACCOUNT, pa.string()), (SCORE, pa.float64()), *_types().items()]
    table = pa.Table.from_pylist([{"id": number, **row} for number, row in enumerate(rows)], schema=pa.schema(types))
    return table.append_column(DAY, pa.compute.cast(table[TIME], pa.date32(), safe=False))


def _add_windows(project: Path) -> None:
    """Write the case of windowed features, whose floating-point columns have every odd value."""
    pq.write_table(window_rows(), project / "odd" / "windows.parquet", row_group_size=50)
    job = {
        "job_name": "windows",
        "input_source": {
            "source_type": "spark",
            "config": {"location": "odd/windows.parquet", "format": "parquet"},
        },
        "feature_transformers": [{"name": "WindowAggregator", "params": dict(each)} for each in WINDOW_AGGREGATORS],
    }
    _write_job(project, "windows", yaml.safe_dump(job, sort_keys=False, allow_unicode=True))


def _add_hostile_text(project: Path) -> None:
    """Write the case whose data, registry, filter and categories are hostile text."""
    poison_registry(project)
    write_files(open_project(project))
    pq.write_table(pa.Table.from_pylist(hostile_rows()), project / "odd" / "hostile_text.parquet")
    texts = [text.replace("${", "$${") for text in HOSTILE]
    params = {"user_id_col": "user", "amount_col": "amount", "category_col": "text", "target_category_value": texts}
    job = {
        "job_name": "hostile_text",
        "description": EVERYTHING.replace("${", "$${"),
        "input_source": {
            "source_type": "spark",
            "config": {"location": "odd/hostile_text.parquet", "format": "parquet"},
            "filters": [{"column": "text", "op": "in", "value": texts}],
        },
        "feature_transformers": [{"name": "UserCategoricalSpendAggregator", "params": params}],
    }
    _write_job(project, "hostile_text", yaml.safe_dump(job, sort_keys=False, allow_unicode=True))


def odd_job(name: str, *, is_as_of: bool = False, filters: Sequence[Mapping[str, object]] = ()) -> str:
    """A job with every financial transformer over the odd data of that name."""
    as_of = {"as_of": "event_time"} if is_as_of else {}
    times = {"timestamp_col": TIME} | as_of if is_as_of else {}
    transformers = [
        ("UserSpendAggregator", {"timestamp_col": TIME, "amount_col": AMOUNT, "window_days": WINDOWS}),
        ("UserMonthlyTransactionCounter", {"timestamp_col": TIME} | as_of),
        (
            "UserCategoricalSpendAggregator",
            {"amount_col": AMOUNT, "category_col": CATEGORY, "target_category_value": TARGETS} | times,
        ),
    ]
    job = {
        "job_name": name,
        "input_source": {
            "source_type": "spark",
            "config": {"location": f"odd/{name}.parquet", "format": "parquet"},
            "filters": list(filters),
        },
        "feature_transformers": [
            {"name": transformer, "params": {"user_id_col": USER, **params}} for transformer, params in transformers
        ],
    }
    return yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def _write_job(project: Path, name: str, text: str) -> None:
    sink = {"output_sink": {"sink_type": "delta_table", "config": {"path": f"results.{name}", "mode": "overwrite"}}}
    path = project / "configs" / "jobs" / f"{name}.yaml"
    path.write_text(f"{text}\n{yaml.safe_dump(sink)}", encoding="utf-8")


def _schema() -> pa.Schema:
    return pa.schema([("id", pa.int64()), *_types().items()])


def _types() -> Mapping[str, pa.DataType]:
    return {
        USER: pa.int64(),
        TIME: pa.timestamp("us", tz="UTC"),
        AMOUNT: pa.decimal128(28, 6),
        CATEGORY: pa.string(),
        "edge_case": pa.string(),
    }


def _with_odd_doubles(values: list[float | None]) -> pa.Array:
    """Doubles that no decimal holds in the place of the first ones; the largest amounts are what a sum still takes."""
    largest = math.nextafter(1e22, 0)
    odd = [float("nan"), float("inf"), float("-inf"), -0.0, 0.1 + 0.2, largest, -1e-7]
    kept = [value and max(-largest, min(value, largest)) for value in values[len(odd) :]]
    return pa.array(odd + kept, pa.float64())


def _odd_users(users: list[int | None]) -> list[float | None]:
    """The users as doubles, of whom one is 0.0 and -0.0, and one is NaN with either sign."""
    often = sorted({user for user in users if user is not None}, key=users.count)[-2:]
    odd = {often[0]: (0.0, -0.0), often[1]: (float("nan"), -float("nan"))}
    return [odd[user][row % 2] if user in odd else user and float(user) for row, user in enumerate(users)]


def _scores(rows: int) -> list[float]:
    """Pairs of doubles, one to a row group, by whose least and greatest value engines skip too many groups."""
    pairs = [(-1.0, float("nan")), (-0.0, -0.0), (2.0, 2.0), (-1.0, -float("nan")), (3.0, 0.0)]
    return [score for pair in pairs for score in pair * (rows // 10 + 1)][:rows]
