"""Files that a job or the registry declares: what is written of columns and options in YAML counts in every command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from feature_platform_py.warehouse.session import open_warehouse
from tests.conftest import Fpjob, add_entity

CSV = "Order ID;who;at;betrag;müll\n007;1;05.01.2024;1.234,50;😀\n7;1;06.01.2024;0,25;x\n"
COLUMNS = {
    "Order ID": {"rename": "order_id"},
    "at": {"type": "timestamp", "format": "dd.MM.yyyy"},
    "betrag": {"type": "decimal(12,2)", "decimal": ",", "group": ".", "rename": "amount"},
}


def write_job(project: Path, config: Mapping[str, Any], **source: Any) -> str:
    params = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "amount"}
    job = {
        "job_name": "orders",
        "input_source": {"source_type": "spark", "config": dict(config), **source},
        "feature_transformers": [{"name": "UserSpendAggregator", "params": params}],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "out"}},
    }
    path = project / "configs" / "jobs" / "orders.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return str(path.relative_to(project))


def result(project: Path) -> list[dict[str, Any]]:
    session = open_warehouse("sail", project / "warehouse").spark
    rows = session.read.parquet(str(project / "out")).orderBy("at").toArrow().to_pylist()
    return [{name: str(value) for name, value in row.items()} for row in rows]


EXPECTED = [
    {"order_id": "007", "who": "1", "at": "2024-01-05 00:00:00+00:00", "amount": "1234.50", "müll": "😀",
     "user_30d_total_spend": "1234.50", "user_30d_avg_spend": "1234.5"},
    {"order_id": "7", "who": "1", "at": "2024-01-06 00:00:00+00:00", "amount": "0.25", "müll": "x",
     "user_30d_total_spend": "1234.75", "user_30d_avg_spend": "617.375"},
]  # fmt: skip


def test_a_job_declares_the_columns_of_its_file(project: Path, fpjob: Fpjob) -> None:
    (project / "orders.csv").write_bytes(CSV.replace("😀", "€").encode("windows-1252"))
    config = {"location": "orders.csv", "options": {"sep": ";", "encoding": "windows-1252"}, "columns": COLUMNS}
    job = write_job(project, config)
    for command in ("validate", "plan", "run"):
        outcome = fpjob(command, job)
        assert outcome.status == 0, outcome.stderr
    assert result(project) == [{**row, "müll": row["müll"].replace("😀", "€")} for row in EXPECTED]
    # One copy: what the plan was made of is what was read.
    assert len(list((project / "warehouse" / ".sources").glob("*/*/rows.parquet"))) == 1


def test_the_registry_declares_the_columns_of_a_file(project: Path, fpjob: Fpjob) -> None:
    (project / "orders.csv").write_text(CSV, encoding="utf-8")
    add_entity(project, "parcel")
    fields = {"order_id": "string", "who": "bigint", "at": "timestamp", "amount": "decimal(12,2)", "müll": "string"}
    columns = {name: {key: value for key, value in said.items() if key != "type"} for name, said in COLUMNS.items()}
    source = {
        "name": "orders", "description": "Orders.", "owner": "me", "entity": "parcel", "event_time": "at",
        "fields": [{"name": name, "type": kind, "description": "It."} for name, kind in fields.items()],
        "locations": {"local": {"location": "orders.csv", "format": "csv", "options": {"header": True, "sep": ";"},
                                "columns": columns}},
    }  # fmt: skip
    path = project / "registry" / "source" / "shop" / "v1" / "orders_source.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(source, sort_keys=False, allow_unicode=True), encoding="utf-8")
    job = write_job(project, {"location": "orders.csv"})
    assert fpjob("registry", "sync").status == 0
    outcome = fpjob("run", job)
    assert outcome.status == 0, outcome.stderr
    assert result(project) == EXPECTED


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"options": {"headr": True}}, "7: `input_source.config.options`: option `headr` is unknown. Did you mean `header`?"),
        ({"options": {"mode": "DROPMALFORMED"}}, "7: `input_source.config.options`: option `mode`: expected `FAILFAST`"),
        ({"columns": {"a": "money"}}, "7: `input_source.config.columns.a`: `money` is"),
        ({"columns": {"a": {"type": "int", "format": "yyyy"}}},
         "9: `input_source.config.columns.a.format`: expected a pattern with"),
        ({"columns": {"a": {"type": "int", "format": "yyyyMMdd"}}},
         "9: `input_source.config.columns.a.format`: expected none for the type int"),
        ({"columns": {"a": {"typ": "int"}}},
         "8: `input_source.config.columns.a`: key `typ` is unknown. Did you mean `type`?"),
        ({"columns": {"a": {"type": "date", "decimal": ","}}},
         "9: `input_source.config.columns.a.decimal`: expected none for the type date"),
        ({"format": "delta", "columns": {"a": "int"}},
         "7: `input_source.config.columns`: expected a source of `csv`, `json`, given `delta`"),
        ({"format": "delta", "options": {"versionAsOf": "x"}},
         "8: `input_source.config.options`: option `versionAsOf`: expected the number of a version, given `x`"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_declaration_is_named_with_its_line(
    config: dict[str, Any], message: str, project: Path, fpjob: Fpjob
) -> None:
    (project / "orders.csv").write_text(CSV, encoding="utf-8")
    outcome = fpjob("validate", write_job(project, {"location": "orders.csv", **config}))
    assert outcome.status == 2
    assert f"orders.yaml:{message}" in outcome.stderr


@pytest.mark.parametrize(("command", "status"), [("validate", 2), ("plan", 1), ("run", 1)])
def test_a_value_that_does_not_parse_is_the_same_message_in_every_command(
    command: str, status: int, project: Path, fpjob: Fpjob
) -> None:
    (project / "orders.csv").write_text(CSV.replace("0,25", "0.25"), encoding="utf-8")
    config = {"location": "orders.csv", "options": {"sep": ";"}, "columns": COLUMNS}
    outcome = fpjob(command, write_job(project, config))
    told = "orders.csv:3: column `betrag`: `0.25` is not a decimal(12,2) with `,` before its decimals and `.` between thousands"
    assert told in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.status == status


def test_no_rows_stop_a_job_that_says_so(project: Path, fpjob: Fpjob) -> None:
    config = {"location": "orders.csv", "options": {"sep": ";"}, "columns": COLUMNS | {"who": "bigint"}}
    (project / "orders.csv").write_text(CSV, encoding="utf-8")
    assert fpjob("run", write_job(project, config, on_empty="error")).status == 0
    (project / "orders.csv").write_text(CSV.splitlines()[0] + "\n", encoding="utf-8")
    outcome = fpjob("run", write_job(project, config, on_empty="error"))
    assert outcome.status == 1
    assert "the source has no row for the job, and `on_empty` is `error`; the sink keeps its content" in outcome.stderr
    assert result(project) == EXPECTED
    outcome = fpjob("run", write_job(project, config))
    assert outcome.status == 0
    assert "warning: " in outcome.stderr
    assert result(project) == []


def test_an_earlier_version_of_a_delta_table_is_read(project: Path, fpjob: Fpjob) -> None:
    session = open_warehouse("sail", project / "warehouse").spark
    for amount in ("1.00", "2.00"):
        rows = f"select 1 as who, timestamp'2024-01-05' as at, cast({amount} as decimal(12,2)) as amount"
        session.sql(rows).write.format("delta").mode("overwrite").save(str(project / "table"))
    for version, amount in ((0, "1.00"), (1, "2.00")):
        config = {"location": "./table", "format": "delta", "options": {"versionAsOf": version}}
        outcome = fpjob("run", write_job(project, config))
        assert outcome.status == 0, outcome.stderr
        assert [row["amount"] for row in result(project)] == [amount]


def test_characters_beyond_the_first_plane_are_like_any_other(project: Path, fpjob: Fpjob) -> None:
    (project / "data🏦").mkdir()
    (project / "data🏦" / "😀.csv").write_text(
        "who🏦,at,amount,kind😀,\n1,2024-01-05,1.5,apple🍎,x\n1,2024-01-05,2,x,y\n"
    )
    keys = {"user_id_col": "who🏦", "amount_col": "amount"}
    job = {
        "job_name": "unicode",
        "input_source": {
            "source_type": "spark",
            "config": {"location": "data🏦/😀.csv"},
            "filters": [{"column": "kind😀", "op": "equals", "value": "apple🍎"}],
        },
        "feature_transformers": [
            {
                "name": "UserCategoricalSpendAggregator",
                "params": keys | {"category_col": "kind😀", "target_category_value": "apple🍎"},
            }
        ],
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": "out"}},
    }
    path = project / "configs" / "jobs" / "unicode.yaml"
    path.write_text(yaml.safe_dump(job, sort_keys=False, allow_unicode=True), encoding="utf-8")
    outcome = fpjob("run", path)
    assert outcome.status == 0, outcome.stderr
    assert result(project) == [
        {
            "who🏦": "1",
            "at": "2024-01-05",
            "amount": "1.5",
            "kind😀": "apple🍎",
            "_c4": "x",
            "user_total_spend_apple": "1.5",
        }
    ]
