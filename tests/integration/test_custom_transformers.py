"""Transformers of users in SQL: from the project's folder, from an installed package, and with faults in their files."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Fpjob, copy_project, reword
from tests.oracle.brute_force import Row

JOB = """\
job_name: custom
input_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}
feature_transformers:
  - {name: UserLargestAmount, params: {user_id_col: user_id, amount_col: amount}}
  - {name: UserSpendAggregator, params: {user_id_col: user_id, timestamp_col: timestamp, amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/custom}}
"""


def read(folder: Path) -> list[Row]:
    import pyarrow.parquet as pq

    rows: list[Row] = pq.read_table(folder).to_pylist()
    return rows


def largest_by_user(rows: list[Row]) -> dict[Any, Any]:
    largest: dict[Any, Any] = {}
    for row in rows:
        largest[row["user_id"]] = max(largest.get(row["user_id"], row["amount"]), row["amount"])
    return largest


def test_a_scaffolded_transformer_in_sql_runs_in_a_job(project: Path, fpjob: Fpjob) -> None:
    made = fpjob("init", "transformer", "user_largest_amount", "--sql")
    assert made.status == 0, made.stderr
    assert made.stdout.splitlines()[:3] == [
        "wrote macros/transformers/user_largest_amount.sql",
        "wrote tests/transformers/test_user_largest_amount.py",
        "wrote transformers/user_largest_amount.yaml",
    ]
    (project / "configs/jobs/custom.yaml").write_text(JOB)
    outcome = fpjob("run", "configs/jobs/custom.yaml")
    assert outcome.status == 0, outcome.stderr
    rows = read(project / "output" / "custom")
    largest = largest_by_user(rows)
    assert len(rows) == 49_102
    assert list(rows[0])[-3:] == ["user_largest_amount", "user_30d_total_spend", "user_30d_avg_spend"]
    assert all(row["user_largest_amount"] == largest[row["user_id"]] for row in rows)
    again = fpjob("run", "configs/jobs/custom.yaml")
    assert "0 of 2 feature tables computed" in again.stderr.splitlines()[-1]
    lineage = fpjob("lineage", "custom_features.user_largest_amount").stdout
    assert "transaction.mm_transaction.amount" in lineage


def test_a_changed_macro_recomputes_its_features(project: Path, fpjob: Fpjob) -> None:
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    (project / "configs/jobs/custom.yaml").write_text(JOB)
    assert fpjob("run", "configs/jobs/custom.yaml").status == 0
    macro = project / "macros/transformers/user_largest_amount.sql"
    reword(macro, "max(", "min(")
    outcome = fpjob("run", "configs/jobs/custom.yaml")
    assert "1 of 2 feature tables computed" in outcome.stderr.splitlines()[-1]
    rows = read(project / "output" / "custom")
    assert all(row["user_largest_amount"] <= row["amount"] for row in rows)


RECENT_MACRO = """\
{% macro largest_of_days(relation, who, moment, worth, window_days) -%}
with

ranked as (
    select
        {{ sql_identifier(who) }},
        {{ sql_identifier(moment) }},
        max({{ sql_identifier(worth) }}) over (
            partition by {{ sql_identifier(who) }} order by unix_micros({{ sql_identifier(moment) }})
            range between {{ window_days * 86400000000 - 1 }} preceding and current row
        ) as largest
    from {{ relation }}
    where {{ sql_identifier(who) }} is not null and {{ sql_identifier(moment) }} is not null
)

select distinct {{ sql_identifier(who) }}, {{ sql_identifier(moment) }}, largest as largest_of_{{ window_days }}_days from ranked
{%- endmacro %}
"""
RECENT = """\
name: LargestOfDays
description: The largest amount of the last days.
macro: largest_of_days
params:
  - {name: who, reads: key}
  - {name: moment, reads: time}
  - {name: worth, reads: number}
  - {name: window_days, type: integer, default: 7}
keys: [who, moment]
event_time: moment
reach_days: window_days
features:
  - {name: largest_of_<window_days>_days, type: <worth>, description: The largest.}
"""
RECENT_JOB = """\
job_name: recent
input_source: {source_type: spark, config: {location: sales.parquet}}
feature_transformers:
  - {name: LargestOfDays, params: {who: buyer, moment: sold at, worth: price}}
  - {name: LargestOfDays, params: {who: buyer, moment: sold at, worth: price, window_days: 40}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/recent}}
"""


FIRST_MACRO = """\
{% macro first_to_date(relation, who, moment, worth) -%}
with

to_date as (
    {{ aggregate(
        relation, keys=[who], event_time=moment, types={worth: 'decimal(9,2)', moment: 'timestamp'},
        features=[{'function': 'sum', 'column': worth, 'windows': {'lifetime': 'worth_to_date'}, 'fill_value': 0}]
    ) | indent(4) }}
)

select
    {{ sql_identifier(who) }},
    {{ sql_identifier(moment) }},
    worth_to_date,
    min(worth_to_date) over (
        partition by {{ sql_identifier(who) }} order by {{ sql_identifier(moment) }}
        rows between unbounded preceding and current row
    ) as least_to_date
from to_date
{%- endmacro %}
"""
FIRST = """\
name: FirstToDate
description: The worth to date, and the least that it ever was.
macro: first_to_date
params:
  - {name: who, reads: key}
  - {name: moment, reads: time}
  - {name: worth, reads: number}
keys: [who, moment]
event_time: moment
reach_days: forever
features:
  - {name: worth_to_date, type: "decimal(38,2)", description: The worth to date.}
  - {name: least_to_date, type: "decimal(38,2)", description: The least worth to date.}
"""


def test_a_macro_around_an_aggregate_gets_each_of_its_rows_in_every_run(project: Path, fpjob: Fpjob) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (project / "transformers").mkdir()
    (project / "transformers/first_to_date.yaml").write_text(FIRST)
    (project / "macros/transformers/first_to_date.sql").write_text(FIRST_MACRO)
    job = RECENT_JOB.partition("feature_transformers:")
    transformers = "  - {name: FirstToDate, params: {who: buyer, moment: sold at, worth: price}}\n"
    sink = "output_sink: {sink_type: overwrite_parquet, config: {path: output/recent}}\n"
    (project / "configs/jobs/recent.yaml").write_text(job[0] + job[1] + "\n" + transformers + sink)
    schema = pa.schema({"buyer": pa.string(), "sold at": pa.timestamp("us"), "price": pa.decimal128(9, 2)})
    sales = [{"buyer": "a", "sold at": datetime(2024, month, 1), "price": Decimal(5)} for month in (1, 2, 3)]
    pq.write_table(pa.Table.from_pylist(sales, schema), project / "sales.parquet")
    assert fpjob("run", "configs/jobs/recent.yaml").status == 0
    sales.append({"buyer": "a", "sold at": datetime(2024, 3, 9), "price": Decimal(5)})
    pq.write_table(pa.Table.from_pylist(sales, schema), project / "sales.parquet")
    outcome = fpjob("run", "configs/jobs/recent.yaml")
    assert "1 of 3 months: 2024-03 changed" in outcome.stderr
    rows = sorted(read(project / "output" / "recent"), key=lambda row: row["sold at"])
    assert [(row["worth_to_date"], row["least_to_date"]) for row in rows] == [(5, 5), (10, 5), (15, 5), (20, 5)]


def test_features_by_time_follow_every_change_of_what_they_read(project: Path, fpjob: Fpjob) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (project / "transformers").mkdir()
    (project / "transformers/largest_of_days.yaml").write_text(RECENT)
    (project / "macros/transformers/largest_of_days.sql").write_text(RECENT_MACRO)
    (project / "configs/jobs/recent.yaml").write_text(RECENT_JOB)
    schema = pa.schema({"id": pa.int64(), "buyer": pa.string(), "sold at": pa.timestamp("us"), "price": pa.int32()})
    sales: list[Row] = [
        {
            "id": day,
            "buyer": "ab"[day % 2],
            "sold at": datetime(2024, 1, 1) + timedelta(days=day),
            "price": day * 37 % 101,
        }
        for day in range(300)
    ]

    def run() -> str:
        pq.write_table(pa.Table.from_pylist(sales, schema=schema), project / "sales.parquet")
        outcome = fpjob("run", "configs/jobs/recent.yaml")
        assert outcome.status == 0, outcome.stderr
        rows = read(project / "output" / "recent")
        assert len(rows) == len(sales)
        assert all(row[f"largest_of_{days}_days"] == largest_of(row, days, sales) for row in rows for days in (7, 40))
        return next(line for line in outcome.stderr.splitlines() if " custom_features  " in line and "success" in line)

    assert run().endswith("all rows: first run")
    sales[100]["price"] = 5000
    assert "3 of 10 months" in run()
    sales[200]["price"] = None
    del sales[280]
    sales.append({"id": 1000, "buyer": "a", "sold at": datetime(2024, 2, 29, 23, 59, 59), "price": 9000})
    assert "of 10 months" in run()
    assert run().endswith("nothing new")


def largest_of(row: Row, days: int, sales: list[Row]) -> int | None:
    begin = row["sold at"] - timedelta(days=days)
    prices = [
        sale["price"]
        for sale in sales
        if sale["buyer"] == row["buyer"] and begin < sale["sold at"] <= row["sold at"] and sale["price"] is not None
    ]
    return max(prices, default=None)


@pytest.mark.parametrize("kind", ["--sql", "--python"])
def test_the_test_of_a_scaffolded_transformer_passes(tmp_path: Path, kind: str) -> None:
    project = copy_project(tmp_path / "project")
    for command in (["fpjob", "init", "transformer", "my_feature", kind], ["pytest", "-q", "tests/transformers"]):
        name, *arguments = command
        program = [sys.executable, "-m", "pytest"] if name == "pytest" else [str(Path(sys.executable).with_name(name))]
        done = subprocess.run([*program, *arguments], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_name_that_is_taken_is_refused(project: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("init", "transformer", "with_greeting", "--python")
    assert (outcome.status, outcome.stderr) == (
        2,
        "transformer `WithGreeting` already exists; choose another name\n",
    )
    assert not (project / "transformers").exists()


FAULTS = {
    "macro: user_largest_amount\n": (
        "macro: drop table\n",
        "4: `macro`: expected a macro's name: letters a-z, digits and `_`, given `drop table`",
    ),
    "keys: [user_id_col]": (
        "keys: [user]",
        "8: `keys[0]`: `user` is not a suitable parameter; expected one of `amount_col`, `user_id_col`",
    ),
    "reads: number": (
        "reads: numbr",
        "7: `params[1].reads`: value `numbr` is unknown. Did you mean `number`? "
        "Known: `key`, `time`, `number`, `text`, `category`, `any`",
    ),
    "type: <amount_col>": (
        "type: decimel",
        "11: `features[0].type`: `decimel` is not a Spark SQL type; expected one of boolean",
    ),
    "- name: user_largest_amount": ("- name: 'x; drop'", "10: `features[0].name`: expected letters a-z, digits, `_`"),
    "\nkeys: [user_id_col]\nfeatures": (
        "\n  - {name: at, reads: time}\nkeys: [user_id_col]\nevent_time: at\nfeatures",
        "10: `event_time`: `at` is not one of the `keys`; add it there, or remove `event_time`",
    ),
    "\nkeys: [user_id_col]\n": (
        "\n  - {name: at, reads: time}\nkeys: [user_id_col, at]\nevent_time: at\n",
        "15: `features[0].looks_ahead`: a late row would change the feature in periods before its own",
    ),
    "keys: [user_id_col]\n": (
        "keys: [user_id_col]\nevent_time: amount_col\n",
        "9: `event_time`: `amount_col` is not a suitable parameter; expected a declared one, but the definition declares none",
    ),
    "keys:": (
        "  - {name: window_days, type: integer, default: 7 days}\nkeys:",
        "8: `params[2].default`: expected a whole number, given the text `7 days`",
    ),
    "looks_ahead: true": ("look_ahead: true", "13: `features[0]`: key `look_ahead` is unknown. Did you mean"),
}


@pytest.mark.parametrize("right", FAULTS)
def test_a_definition_with_a_fault_says_where(project: Path, fpjob: Fpjob, right: str) -> None:
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    wrong, message = FAULTS[right]
    definition = project / "transformers/user_largest_amount.yaml"
    text = definition.read_text()
    assert right in text
    definition.write_text(text.replace(right, wrong))
    (project / "configs/jobs/custom.yaml").write_text(JOB)
    outcome = fpjob("validate", "configs/jobs/custom.yaml")
    assert outcome.status == 2
    assert f"transformers/user_largest_amount.yaml:{message}" in outcome.stderr


def test_a_macro_that_is_missing_is_named(project: Path, fpjob: Fpjob) -> None:
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    (project / "macros/transformers/user_largest_amount.sql").unlink()
    (project / "configs/jobs/custom.yaml").write_text(JOB)
    outcome = fpjob("run", "configs/jobs/custom.yaml")
    assert outcome.status == 3
    assert "macro `user_largest_amount` is not there; is its file below `macros/`" in outcome.stderr
    assert "called by model custom__custom_features (models/jobs/custom/custom__custom_features.sql)" in outcome.stderr


def test_the_first_macro_of_a_project_is_seen_in_a_process_that_has_rendered_others(
    tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa

    from feature_platform_py import get_transformer

    assert fpjob("init", tmp_path / "new").status == 0
    monkeypatch.chdir(tmp_path / "new")
    assert not Path("macros").exists()
    names = {"user_id_col": "who", "timestamp_col": "at", "amount_col": "paid"}
    rows = pa.table({"who": ["a"], "at": [datetime(2024, 1, 1, tzinfo=UTC)], "paid": [2.0]})
    assert get_transformer("UserSpendAggregator", names).apply(rows).num_rows == 1
    assert fpjob("init", "transformer", "user_largest_amount", "--sql").status == 0
    own = get_transformer("UserLargestAmount", {"user_id_col": "who", "amount_col": "paid"}, project=Path.cwd())
    assert own.apply(rows)["user_largest_amount"].to_pylist() == [2.0]


# A package that others install: a transformer in Python, and a dbt package with one in SQL.
PACKAGE = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-features"
version = "1.0.0"

[project.entry-points."feature_platform.transformers"]
RoundedAmount = "acme_features.rounded:RoundedAmount"
acme_sql = "acme_features.sql"

[tool.setuptools]
packages = ["acme_features", "acme_features.sql"]

[tool.setuptools.package-data]
"acme_features.sql" = ["dbt_project.yml", "macros/*.sql", "transformers/*.yaml"]
""",
    "acme_features/__init__.py": "",
    "acme_features/rounded.py": '''\
from typing import Annotated

from pyspark.sql import DataFrame

from feature_platform_py import ColumnName, Columns, FeatureTransformer, OutputColumn, Reads


class RoundedAmount(FeatureTransformer):
    """An amount without its fraction."""

    amount_col: Annotated[ColumnName, Reads("amount", "number")]

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        return (OutputColumn("rounded_amount", "bigint", description="The amount, rounded down."),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        return dataframe.withColumn("rounded_amount", dataframe[self.amount_col].cast("bigint"))
''',
    "acme_features/sql/__init__.py": "",
    "acme_features/sql/dbt_project.yml": "name: acme_sql\nversion: 1.0.0\nconfig-version: 2\n",
    "acme_features/sql/macros/user_rows.sql": """\
{% macro user_rows(relation, user_id_col, at_least) -%}
select
    {{ feature_platform.sql_identifier(user_id_col) }},
    count(*) as user_rows_{{ at_least }},
    count(*) >= {{ at_least }} as user_has_{{ at_least }}_rows
from {{ relation }}
where {{ feature_platform.sql_identifier(user_id_col) }} is not null
group by {{ feature_platform.sql_identifier(user_id_col) }}
{%- endmacro %}
""",
    "acme_features/sql/transformers/user_rows.yaml": """\
name: UserRows
description: How many rows a user has.
macro: user_rows
params:
  - {name: user_id_col, reads: key, description: the user}
  - {name: at_least, type: integer, default: 10, description: how many rows are many}
keys: [user_id_col]
features:
  - {name: user_rows_<at_least>, type: bigint, description: The rows of the user., looks_ahead: true}
  - {name: user_has_<at_least>_rows, type: boolean, description: "Whether they are <at_least> or more.", looks_ahead: true}
""",
}
PACKAGE_JOB = """\
job_name: acme
input_source: {source_type: spark, config: {location: jupiter.mm.fact_mm_transaction}}
feature_transformers:
  - {name: UserRows, params: {user_id_col: user_id, at_least: 100}}
  - {name: RoundedAmount, params: {amount_col: amount}}
output_sink: {sink_type: overwrite_parquet, config: {path: output/acme}}
"""
FEATURES = """\
name: {name}
description: Features of the package acme-features.
owner: acme
entity: customer
model: {model}
features:
{features}
"""


def test_an_installed_package_brings_transformers_of_both_kinds(tmp_path: Path) -> None:
    for name, text in PACKAGE.items():
        (tmp_path / "acme" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "acme" / name).write_text(text)
    site = tmp_path / "site"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(tmp_path / "acme")], check=True, capture_output=True)
    project = copy_project(tmp_path / "project")
    (project / "configs/jobs/acme.yaml").write_text(PACKAGE_JOB)
    rounded = "  - {name: rounded_amount, type: bigint, description: The amount rounded down.}"
    registered = project / "registry/feature/customer_profile.yaml"
    registered.write_text(registered.read_text() + rounded + "\n")
    counts = (
        "  - {name: user_rows_<at_least>, type: bigint, description: The rows of the user.}\n"
        "  - {name: user_has_<at_least>_rows, type: boolean, description: 'Whether they are <at_least> or more.'}"
    )
    (project / "registry/feature/custom_features.yaml").write_text(
        FEATURES.format(name="custom_features", model="custom_features", features=counts)
    )
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from feature_platform_py.cli.main import main; main()", *arguments]
        done = subprocess.run(program, cwd=project, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run("run", "configs/jobs/acme.yaml")
    rows = read(project / "output" / "acme")
    counted: dict[Any, int] = {}
    for row in rows:
        counted[row["user_id"]] = counted.get(row["user_id"], 0) + 1
    assert len(rows) == 49_102
    for row in rows:
        assert row["user_rows_100"] == counted[row["user_id"]]
        assert row["user_has_100_rows"] == (counted[row["user_id"]] >= 100)
        assert row["rounded_amount"] == int(row["amount"])
    assert "UserRows" in run("list").stdout
    assert "transaction.mm_transaction.user_id" in run("lineage", "custom_features.user_rows_100").stdout
    assert "transaction.mm_transaction.amount" in run("lineage", "job_enriched.rounded_amount").stdout
    run("registry", "sync")
    run("docs", "build")
    data = (project / "target/docs/data.js").read_text()
    assert "Whether they are 100 or more." in data
    assert "The amount rounded down." in data
