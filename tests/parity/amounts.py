"""Tables of amounts of every type, the SQL of the transformers over them, and where an engine's result is not the brute force's.

As a program, `python -m tests.parity.amounts ENGINE REQUEST`, it reads a request and prints the differences as JSON: an engine is
chosen by the process, once.
"""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_platform_py.core.messages import read_mark
from feature_platform_py.sessions.engine_errors import raised_text
from feature_platform_py.sources import connector_errors
from feature_platform_py.sources.connector_errors import QueryRefusedError
from tests.oracle.brute_force import DoesNotFitError, expected_rows

_NEAR_THE_LIMIT = [pa.decimal128(precision, scale) for precision in (37, 38) for scale in range(precision + 1)]
PREFIX = "given_"
"""What the queries call the table of a type: this and the type's number in the request."""
WINDOWS = [1, 30]
CATEGORIES = ["x", "it's"]
INTEGERS = {
    "tinyint": (pa.int8(), 8),
    "smallint": (pa.int16(), 16),
    "int": (pa.int32(), 32),
    "bigint": (pa.int64(), 64),
}
FLOATS = {"float": pa.float32(), "double": pa.float64()}
_START = datetime(2024, 1, 1, tzinfo=UTC)
_HOURS = (0, 0, 1, 23, 24, 25, 48, 719, 720, 721, 1000, 1440, 2160, 2161, 2880)
_ODD_DOUBLES = (
    *(0.0, -0.0, 0.1, 0.2, 0.1234565, 1.0000005, 2.5e-6, 5e-7, 4.9999999e-7, -5e-7, 1e-300, 5e-324),
    *(499999999.9999995, 5e8, 536870911.9999995, 536870912.0000001, 999999999.9999995, 1234567890.1234567, 1e10),
    *(1000000000001.0, -1000000000000.0, 2.0**50 + 0.25, 2.0**53 - 1, 2.0**53, 2.0**53 + 2, 1.8014398509481986e16),
    *(1e16, 1.234567890123456e16, 2.0**63, 2.0**63 - 1024, 8.41e21, 1e21, -9.999999999999999e21, 2.5966437693495053e17),
    *(float("nan"), float("inf"), float("-inf")),
)


def all_types() -> list[str]:
    """Every decimal type, every integer and both floating-point ones."""
    decimals = [f"decimal({precision},{scale})" for precision in range(1, 39) for scale in range(precision + 1)]
    return [*decimals, *INTEGERS, *FLOATS]


def chosen_types() -> list[str]:
    """Those at whose digits the SQL or an engine's rules change."""
    precisions = {
        1: (0, 1),
        9: (2,),
        12: (2, 5, 6),
        17: (0, 17),
        18: (0, 5, 6, 8, 18),
        19: (7,),
        27: (0, 6, 27),
        28: (6, 7, 28),
    }
    precisions |= {30: (10,), 37: (6, 18), 38: (0, 1, 6, 7, 13, 14, 18, 25, 26, 27, 37, 38)}
    decimals = [f"decimal({precision},{scale})" for precision, scales in precisions.items() for scale in scales]
    return [*decimals, *INTEGERS, *FLOATS]


TOO_LARGE = ["decimal(38,0)", "decimal(38,18)", "double"]
"""Types that are tried with amounts for whose sums there is no room."""


def few_types() -> list[str]:
    """Some of these, one for each way in which sums are kept."""
    return [
        *TOO_LARGE,
        "decimal(38,38)",
        "decimal(38,26)",
        "decimal(18,8)",
        "decimal(12,6)",
        "decimal(27,7)",
        "bigint",
        "float",
    ]


def arrow_type(name: str) -> pa.DataType:
    """The Arrow type of a Spark SQL one."""
    if name.startswith("decimal"):
        return pa.decimal128(*map(int, name[8:-1].split(",")))
    return (FLOATS | {each: kind for each, (kind, _) in INTEGERS.items()})[name]


def table(name: str) -> pa.Table:
    """Rows of few users with amounts of a type: the largest ones, random ones, NULLs; their sums by window and category fit."""
    chance = random.Random(name)
    rows = [
        {
            "id": number,
            "u": chance.choice((1, 1, 2, 3, None)) if number % 8 else 4,
            "t": _START + timedelta(hours=chance.choice(_HOURS), microseconds=chance.choice((0, 0, 1))),
            "c": chance.choice((*CATEGORIES, *CATEGORIES, "z", None)),
            "a": amount,
        }
        for number, amount in enumerate(_amounts(name, chance))
    ]
    for row in rows if arrow_type(name) in _NEAR_THE_LIMIT else []:
        while row["a"] is not None and not _fits(rows[: row["id"] + 1]):
            row.update(a=None if row["c"] == "z" else row["a"], c="z")
    columns = {
        "id": pa.int64(),
        "u": pa.int64(),
        "t": pa.timestamp("us", "UTC"),
        "c": pa.string(),
        "a": arrow_type(name),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def too_large(name: str) -> pa.Table:
    """Two rows of which each has room, or as doubles has not, and their sum has not."""
    amount = 1e22 if name in FLOATS else Decimal(f"{10**38 - 1}e-{arrow_type(name).scale}")
    rows = [{"id": number, "u": 1, "t": _START, "c": CATEGORIES[0], "a": amount} for number in range(2)]
    columns = {
        "id": pa.int64(),
        "u": pa.int64(),
        "t": pa.timestamp("us", "UTC"),
        "c": pa.string(),
        "a": arrow_type(name),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def refusals(name: str, answers: Iterable[str]) -> Iterator[str]:
    """What was not refused as it should be, given the faults of the queries of a type that is too large."""
    expected = "floating-point amounts below 10^22" if name in FLOATS else "sums of at most 38 digits"
    for each, answer in zip(transformers(), answers, strict=True):
        if not answer.startswith(f"amounts of column `a`: expected {expected}"):
            yield f"{name} {each['name']}: {answer[-300:]!r} instead of a fault"


def fault_of(run: Callable[[str], Any], text: str) -> str:
    """What a query that fails says of the data, as the runner knows it by its code; else the error, or the rows."""
    try:
        return repr(run(text))
    except QueryRefusedError as error:
        raised = connector_errors.raised_text(connector_errors.said_by_server(error.said))
    except Exception as error:
        raised = raised_text(error) or str(error)
    found = read_mark(raised)
    return found.text if found else raised


def transformers() -> list[dict[str, Any]]:
    """Every transformer that reads amounts, in each of its forms."""
    keys, amount = {"user_id_col": "u"}, {"amount_col": "a"}
    category = {**keys, **amount, "category_col": "c", "target_category_value": CATEGORIES}
    return [
        {"name": "UserSpendAggregator", "params": {**keys, **amount, "timestamp_col": "t", "window_days": WINDOWS}},
        {"name": "UserCategoricalSpendAggregator", "params": category},
        {"name": "UserCategoricalSpendAggregator", "params": {**category, "timestamp_col": "t", "as_of": "event_time"}},
    ]


def queries(types: Sequence[str], project: Path, target: str) -> list[list[str]]:
    """Per type the SQL of each transformer, as dbt compiles it for a target."""
    from dbt.cli.main import dbtRunner

    from feature_platform_py import get_transformer

    requests = []
    for number, name in enumerate(types):
        columns = [("id", "bigint"), ("u", "bigint"), ("t", "timestamp"), ("c", "string"), ("a", name)]
        for each in transformers():
            found: Any = get_transformer(each["name"], each["params"])
            variable = found.feature_sets(columns)[0].variable()
            requests.append({"macro": variable["macro"], "relation": f"{PREFIX}{number}", "params": variable["params"]})
    inline = "{% for each in var('requests') %}{{ _named_macro(each.macro)(each.relation, **each.params) }}\n-- end\n{% endfor %}"
    arguments = ["compile", "--inline", inline, "--vars", json.dumps({"requests": requests}), "--target", target]
    arguments += ["--project-dir", str(project), "--profiles-dir", str(project / "profiles"), "--no-introspect"]
    arguments += ["--no-populate-cache", "--log-level", "none", "--target-path", str(project / "target" / "amounts")]
    result: Any = dbtRunner().invoke(arguments)
    assert result.success, result.exception
    texts = result.result[0].node.compiled_code.split("\n-- end\n")[:-1]
    return [texts[start : start + 3] for start in range(0, len(texts), 3)]


def differences(
    name: str, results: Iterable[Sequence[Mapping[str, Any]]], rows: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Where the rows of the queries of a type are not the brute force's; types count, and every bit of a double."""
    for each, found in zip(transformers(), results, strict=True):
        keys = ["u", "t"] if "timestamp_col" in each["params"] else ["u"]
        expected = {
            tuple(row[key] for key in keys): {key: row[key] for key in row if key.startswith("user_")}
            for row in expected_rows(rows, [each])
            if None not in [row[key] for key in keys]
        }
        actual = {tuple(row[key] for key in keys): {key: row[key] for key in row if key not in keys} for row in found}
        if len(found) != len(actual) or actual.keys() != expected.keys():
            yield f"{name} {each['name']}: {len(found)} rows instead of {len(expected)}"
        for key in expected.keys() & actual.keys():
            for column, value in expected[key].items():
                given = actual[key].get(column)
                if type(given) is not type(value) or given != value:
                    yield f"{name} {each['name']} {key}: {column} is {given!r} instead of {value!r}"


def main() -> None:
    """Run the request's queries on an engine: `local`, `spark`, or the URL of a Spark Connect server."""
    engine, request = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    session = _session(engine, Path(request["folder"]), is_interpreted=request["fitting"] > len(chosen_types()))

    def run(text: str) -> list[dict[str, Any]]:
        return list(session.sql(text).toArrow().to_pylist())

    def write(text: str) -> None:
        session.sql(text).write.format("delta").mode("overwrite").save(str(Path(request["folder"]) / "written"))

    found, values = [], 0
    for number, (name, texts) in enumerate(request["queries"]):
        if number in request.get("skipped", []):
            continue
        if number >= request["fitting"]:
            # Engines wrap what fails in a task that writes; floating-point amounts fail before the rows are exchanged.
            for act in (run, write) if name in FLOATS else (run,):
                found += refusals(name, [fault_of(act, text) for text in texts])
            continue
        results = [run(text) for text in texts]
        values += sum(len(row) for rows in results for row in rows)
        found += differences(name, results, pq.read_table(Path(request["folder"]) / f"{number}.parquet").to_pylist())
    print(json.dumps({"values": values, "differences": found}))  # noqa: T201 - the test reads it


def _session(engine: str, folder: Path, *, is_interpreted: bool) -> Any:
    """A session that knows the tables; the JVM compiles each query unless it is interpreted, which takes seconds for each."""
    from feature_platform_py.warehouse.session import open_session

    session: Any
    if engine.startswith("sc:"):
        from pyspark.sql.connect.session import SparkSession

        session = SparkSession.builder.remote(engine).config("spark.sql.session.timeZone", "UTC").create()
    else:
        session = open_session("sail" if engine == "local" else "spark", folder / "warehouse")
    if engine != "local":
        session.conf.set("spark.sql.shuffle.partitions", "1")
    if engine != "local" and is_interpreted:
        session.conf.set("spark.sql.codegen.wholeStage", "false")
        session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    for file in folder.glob("*.parquet"):
        session.read.parquet(str(file)).createOrReplaceTempView(f"{PREFIX}{file.stem}")
    return session


def _amounts(name: str, chance: random.Random) -> list[Any]:
    if name in FLOATS:
        values = [*_ODD_DOUBLES, *(_random_double(chance) for _ in range(60))]
        given = values if name == "double" else map(_as_float, values)
        return [*(each for each in given if abs(each) < 1e22 or not math.isfinite(each)), None]
    if name in INTEGERS:
        largest, scale = 2 ** (INTEGERS[name][1] - 1) - 1, 0
    else:
        precision, scale = map(int, name[8:-1].split(","))
        largest = 10**precision - 1
    units = [largest, largest, -largest, largest, 0, 1, -1, largest // 2, -largest, largest, -largest // 3]
    units += [chance.randint(-largest, largest) // 10 ** chance.choice((0, 0, 1, 5, 20)) for _ in range(20)]
    values = [each if name in INTEGERS else Decimal(f"{each}e-{scale}") for each in units]
    chance.shuffle(values)
    return [*values, None, None]


def _random_double(chance: random.Random) -> float:
    kind = chance.randrange(4)
    if kind == 0:
        return chance.uniform(-1, 1) * 10 ** chance.uniform(-8, 9)
    if kind == 1:
        return chance.uniform(-1, 1) * 10 ** chance.uniform(9, 21.9)
    if kind == 2:
        return round(chance.uniform(-1, 1) * 10 ** chance.uniform(0, 12), 2)
    return (2 * chance.randrange(10 ** chance.randrange(1, 15)) + 1) / 2_000_000


def _as_float(value: float) -> float:
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def _fits(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every sum of the rows fits; the last one has just been added."""
    mine = [row for row in rows if row["u"] == rows[-1]["u"]]
    try:
        expected_rows(mine, transformers())
    except DoesNotFitError:
        return False
    return True


if __name__ == "__main__":
    main()
