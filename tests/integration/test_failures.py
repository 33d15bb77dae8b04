"""What goes wrong leaves the tables and the sink as they were, and says where to look."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.conftest import Fpjob, add_entity, reword

JOB = """
job_name: shop
description: sales of a shop
input_source: {{source_type: spark, config: {{location: shop.csv, format: csv, options: {{header: true}}}}}}
feature_transformers:
  - {{name: UserSpendAggregator, params: {{user_id_col: who, timestamp_col: at, amount_col: amount}}}}
output_sink: {{sink_type: {sink}, config: {{path: output/shop}}}}
"""
GOOD = "who,at,amount,note\na,2024-01-01 10:00:00,1.50,x\na,2024-01-02 10:00:00,2.50,y\n"


@pytest.fixture
def shop(project: Path) -> Path:
    """A registered CSV source and a job over it, which has run once."""
    (project / "shop.csv").write_text(GOOD)
    add_entity(project, "sale")
    folder = project / "registry/source/transaction/v1"
    (folder / "sale_source.yaml").write_text(
        """
name: sale
description: sales
owner: shop
entity: sale
event_time: at
fields:
  - {name: who, type: string, required: true, description: who}
  - {name: at, type: timestamp, required: true, description: when}
  - {name: amount, type: "decimal(8,2)", required: true, description: how much}
  - {name: note, type: "int", required: false, description: a column that no transformer reads}
locations:
  local: {location: shop.csv, format: csv, options: {header: true}}
""".replace('"int"', "string")
    )
    (project / "shop.yaml").write_text(JOB.format(sink="overwrite_parquet"))
    return project


def _state(root: Path) -> dict[str, bytes]:
    """Every file of the feature tables and of the sink."""
    folders = [*(root / "warehouse" / "features").glob("shop__*"), root / "output"]
    return {str(file): file.read_bytes() for folder in folders for file in folder.rglob("*") if file.is_file()}


def _synced(fpjob: Fpjob) -> None:
    assert fpjob("registry", "sync").status == 0


@pytest.mark.parametrize(
    ("line", "place", "problem"),
    [
        ("b,2024-01-03 10:00:00,12;50,z", "shop.csv:4", "column `amount`: `12;50` is not a decimal(8,2)"),
        (
            "b,2024-01-03 10:00:00,1.2300,z\nb,2024-01-03 10:00:00,-1.239,z",
            "shop.csv:5",
            "column `amount`: `-1.239` is not",
        ),
        ("b,yesterday,1.00,z", "shop.csv:4", "column `at`: `yesterday` is not a timestamp"),
        ("b,2024-01-03 10:00:00,1.00", "shop.csv:4", "the row has 3 fields"),
        ('"b\nc",2024-01-03 10:00:00,x,z', "shop.csv:4", "column `amount`: `x` is not a decimal(8,2)"),
    ],
)
def test_a_value_that_does_not_parse_changes_nothing(
    shop: Path, fpjob: Fpjob, line: str, place: str, problem: str
) -> None:
    _synced(fpjob)
    assert fpjob("run", "shop.yaml").status == 0
    before = _state(shop)
    (shop / "shop.csv").write_text(GOOD + line + "\n")
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 1, outcome.stderr
    assert f"{place}: {problem}" in outcome.stderr
    assert _state(shop) == before


def test_a_bad_value_in_a_column_that_no_feature_reads_is_found_first(shop: Path, fpjob: Fpjob) -> None:
    source = shop / "registry/source/transaction/v1/sale_source.yaml"
    reword(source, "name: note, type: string", "name: note, type: int")
    (shop / "shop.csv").write_text(GOOD.replace(",x", ",1").replace(",y", ",2"))
    _synced(fpjob)
    assert fpjob("run", "shop.yaml").status == 0
    before = _state(shop)
    (shop / "shop.csv").write_text(GOOD.replace(",x", ",1"))
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 1, outcome.stderr
    assert "shop.csv:3: column `note`: `y` is not an int" in outcome.stderr
    assert _state(shop) == before


def test_a_header_without_a_declared_column_is_said(shop: Path, fpjob: Fpjob) -> None:
    _synced(fpjob)
    (shop / "shop.csv").write_text(GOOD.replace("amount", "price"))
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 1, outcome.stderr
    assert "column `amount` is declared, but the header lacks it" in outcome.stderr
    assert not (shop / "output").exists()


def test_a_failing_grain_test_keeps_the_sink(shop: Path, fpjob: Fpjob) -> None:
    _synced(fpjob)
    assert fpjob("run", "shop.yaml").status == 0
    sink = {name: data for name, data in _state(shop).items() if "output" in name}
    reword(
        shop / "macros/aggregation/aggregate.sql",
        "select * from final",
        "select final.* from final cross join range(2)",
    )
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 1, outcome.stderr
    assert "unique_grain_shop__user_spend" in outcome.stderr
    assert "logs/shop/dbt.log" in outcome.stderr
    assert {name: data for name, data in _state(shop).items() if "output" in name} == sink


def test_a_model_that_the_engine_refuses_ends_with_status_three_and_names_the_log(shop: Path, fpjob: Fpjob) -> None:
    _synced(fpjob)
    reword(shop / "macros/jobs/rows_with_features.sql", "select * from final", "select no_such_column from final")
    outcome = fpjob("run", "shop.yaml")
    assert outcome.status == 3, outcome.stderr
    assert "job_features" in outcome.stderr
    assert "no_such_column" in outcome.stderr
    log = Path(outcome.stderr.strip().splitlines()[-1].removeprefix("Full log: "))
    assert "no_such_column" in log.read_text()


HOSTILE = ['x"; drop table x; --', "{{ env_var('HOME') }}", "'||'", "\\", "${env:HOME}", "a'b\\'c", "{% raw %}", "`"]


def test_hostile_names_and_values_are_only_data(project: Path, fpjob: Fpjob) -> None:
    columns = ["who{{ 1 }}", "at'||'", 'amount"; drop table x; --', "kind`s"]
    rows = [["u", datetime(2024, 1, 1, tzinfo=UTC), 10 + number, value] for number, value in enumerate(HOSTILE)]
    table = pyarrow.table({name: [row[index] for row in rows] for index, name in enumerate(columns)})
    pyarrow.parquet.write_table(table, "hostile.parquet")
    job = {
        "job_name": "hostile",
        "description": "{{ env_var('HOME') }} '; drop table x",
        "input_source": {
            "source_type": "spark",
            "config": {"location": "hostile.parquet", "format": "parquet"},
            "filters": [{"column": columns[3], "op": "in", "value": [*HOSTILE, "$${HOME}"]}],
        },
        "feature_transformers": [
            {
                "name": "UserSpendAggregator",
                "params": {"user_id_col": columns[0], "timestamp_col": columns[1], "amount_col": columns[2]},
            },
            *(
                {
                    "name": "UserCategoricalSpendAggregator",
                    "params": {
                        "user_id_col": columns[0],
                        "amount_col": columns[2],
                        "category_col": columns[3],
                        "target_category_value": value,
                    },
                }
                for value in (HOSTILE[0], HOSTILE[1], HOSTILE[5])
            ),
        ],
        "output_sink": {"sink_type": "overwrite_delta", "config": {"path": "output/it's; --"}},
    }
    text = json.dumps(job).replace("${env", "$${env")
    Path("hostile.yaml").write_text(text)
    outcome = fpjob("run", "hostile.yaml")
    assert outcome.status == 0, outcome.stderr
    assert [folder.name for folder in Path("output").iterdir()] == ["it's; --"]
    shown = json.loads(fpjob("show", "hostile__job_features", "--format", "json").stdout)
    assert sorted(row[columns[3]] for row in shown) == sorted(HOSTILE)
    assert {row["user_30d_total_spend"] for row in shown} == {str(sum(10 + number for number in range(len(HOSTILE))))}
    totals = [name for name in shown[0] if name.startswith("user_total_spend_")]
    assert totals == ["user_total_spend_x_drop_table_x", "user_total_spend_env_var_home", "user_total_spend_a_b_c"]
    assert [shown[0][name] for name in totals] == ["10", "11", "15"]
