"""Environments: a schema beside production's that starts from its tables, computes what differs, and never writes production."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from tests.conftest import Fpjob, copy_project, reword

JOB = Path("configs/jobs/shop.yaml")
WAREHOUSE = Path("warehouse")
SPEND = "shop__user_spend"
MONTHLY = "shop__user_monthly_transactions"
_TEXT = """\
job_name: shop
input_source: {source_type: spark, config: {location: shop.csv, format: csv}}
feature_transformers:
  - {name: UserSpendAggregator, params: {user_id_col: who, timestamp_col: at, amount_col: paid, window_days: 30}}
  - {name: UserMonthlyTransactionCounter, params: {user_id_col: who, timestamp_col: at}}
output_sink: {sink_type: overwrite_delta, config: {path: sales.shop}}
"""


def write_rows(days: range) -> None:
    rows = [f"u{day % 3},2024-{1 + day // 28:02}-{1 + day % 28:02} 10:00:00,{day}.50\n" for day in days]
    Path("shop.csv").write_text("who,at,paid\n" + "".join(rows))


def run(fpjob: Fpjob, *options: str) -> dict[str, object]:
    outcome = fpjob("run", "shop", "--format", "json", *options)
    assert outcome.status == 0, outcome.stderr
    told: dict[str, object] = json.loads(outcome.stdout)
    return told


def actions(told: dict[str, object]) -> dict[str, str]:
    return {each["name"]: each["work"]["action"] for each in told["models"] if "work" in each}  # type: ignore[attr-defined]


def rows_of(table: Path) -> pa.Table:
    rows = DeltaTable(table).to_pyarrow_table()
    rows = rows.select(sorted(rows.column_names))
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


def contents(*folders: str) -> dict[str, str]:
    """The digests of all files of some folders of the warehouse."""
    files = [file for folder in folders for file in (WAREHOUSE / folder).rglob("*") if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def production() -> dict[str, str]:
    return contents("features", "sales", ".running")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        write_rows(range(80))
        JOB.write_text(_TEXT)
        yield folder
        close_warehouse("sail", folder / WAREHOUSE)


def test_a_plan_says_what_is_taken_over_and_changes_nothing(root: Path, fpjob: Fpjob) -> None:
    run(fpjob)
    outcome = fpjob("plan", "shop", "--schema", "dev_anna")
    assert outcome.status == 0, outcome.stderr
    assert "shop on target local (sail), environment dev_anna beside features" in outcome.stdout
    assert "  writes  delta_table dev_anna_sales.shop (overwrite)" in outcome.stdout
    assert "  from features: user_spend, user_monthly_transactions" in outcome.stdout
    assert outcome.stdout.count("nothing new") == 2
    assert not (WAREHOUSE / "dev_anna").exists()


def test_an_unchanged_definition_is_taken_over_and_nothing_is_computed(root: Path, fpjob: Fpjob) -> None:
    before = production()
    told = run(fpjob, "--schema", "dev_anna")
    assert set(actions(told).values()) == {"skip"}
    assert told["sink"]["path"] == "dev_anna_sales.shop"  # type: ignore[index]
    assert production() == before
    for name in (SPEND, MONTHLY):
        here, there = (set((WAREHOUSE / schema / name).rglob("*.parquet")) for schema in ("dev_anna", "features"))
        assert {file.stat().st_ino for file in here} == {file.stat().st_ino for file in there} != set()


def test_only_the_changed_table_is_computed_and_it_equals_a_fresh_warehouse(
    root: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = production()
    reword(JOB, "window_days: 30", "window_days: 14")
    told = run(fpjob, "--schema", "dev_anna")
    assert actions(told) == {"user_spend": "rebuild", "user_monthly_transactions": "skip"}
    assert production() == before
    monkeypatch.setenv("FP_WAREHOUSE", "fresh")
    run(fpjob)
    close_warehouse("sail", root / "fresh")
    for name in (SPEND, MONTHLY):
        assert rows_of(WAREHOUSE / "dev_anna" / name).equals(rows_of(root / "fresh/features" / name))
    assert rows_of(WAREHOUSE / "dev_anna_sales/shop").equals(rows_of(root / "fresh/sales/shop"))


def test_an_environment_survives_the_vacuum_of_production(root: Path, fpjob: Fpjob) -> None:
    kept = rows_of(WAREHOUSE / "dev_anna" / MONTHLY)
    shared = {file.stat().st_ino for file in (WAREHOUSE / "features" / MONTHLY).rglob("*.parquet")}
    write_rows(range(90))
    run(fpjob, "--full-refresh")
    vacuum = fpjob("vacuum", "shop", "--retention", "0h")
    assert vacuum.status == 0, vacuum.stderr
    assert not shared & {file.stat().st_ino for file in (WAREHOUSE / "features" / MONTHLY).rglob("*.parquet")}
    assert rows_of(WAREHOUSE / "dev_anna" / MONTHLY).equals(kept)
    session = open_warehouse("sail", WAREHOUSE).spark
    assert session.table(f"dev_anna.{MONTHLY}").count() == kept.num_rows


def write_other_rows() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Tables of another environment: fewer and more rows, other values and types; return the rows of production and of it."""
    there = (
        DeltaTable(WAREHOUSE / "features" / SPEND)
        .to_pyarrow_table()
        .drop_columns(["_input_fingerprint", "period_start"])
    )
    here = there.to_pylist()[:-2]
    total, average = "user_14d_total_spend", "user_14d_avg_spend"
    for number, row in enumerate(here):
        row[average] = {0: None, 1: float("nan"), 2: row[average] * (1 + 1e-12)}.get(number, row[average])
        row[total] = row[total] + 1 if number % 5 == 0 else row[total]
        row["note"] = f"<b>{number % 2}</b>"
    here.append({**here[0], "at": here[0]["at"].replace(year=2030)})
    write_deltalake(
        WAREHOUSE / "dev_diff" / SPEND,
        pa.Table.from_pylist(here, schema=there.schema.append(pa.field("note", pa.string()))),
    )
    monthly = DeltaTable(WAREHOUSE / "features" / MONTHLY).to_pyarrow_table()
    counts = monthly.column_names.index("user_monthly_txn_count")
    texts = monthly.set_column(counts, "user_monthly_txn_count", monthly.column(counts).cast(pa.string()))
    write_deltalake(WAREHOUSE / "dev_diff" / MONTHLY, texts)
    return there.to_pylist(), here


def differs(one: object, other: object) -> bool:
    return not (one == other or (one != one and other != other))


def test_a_diff_counts_as_plain_python_does(root: Path, fpjob: Fpjob) -> None:
    there, here = ({(row["who"], row["at"]): row for row in rows} for rows in write_other_rows())
    told = json.loads(fpjob("diff", "shop", "--schema", "dev_diff", "--format", "json").stdout)
    spend, monthly = told["tables"]
    both = here.keys() & there.keys()
    assert (spend["in_both"], spend["only_here"], spend["only_there"]) == (len(both), 1, 2)
    assert [each["at"][:5] for each in spend["examples_here"]] == ["2030-"]
    features = {each["name"]: each for each in spend["features"]}
    assert set(features) == {"user_14d_total_spend", "user_14d_avg_spend", "note"}
    for name in ("user_14d_total_spend", "user_14d_avg_spend"):
        changed = {key for key in both if differs(here[key][name], there[key][name])}
        assert features[name]["changed"] == len(changed) > 0
        assert features[name]["changed_share"] == len(changed) / len(both)
        assert {(each["keys"]["who"], each["keys"]["at"]) for each in features[name]["examples"]} <= {
            (who, f"{at:%Y-%m-%d %H:%M:%S}") for who, at in changed
        }
        for side, rows in (("here", here), ("there", there)):
            values = [float(row[name]) for row in rows.values() if row[name] is not None and row[name] == row[name]]
            assert features[name][side]["nulls"] == sum(row[name] is None for row in rows.values())
            assert features[name][side]["mean"] == pytest.approx(statistics.fmean(values))
            assert features[name][side]["deviation"] == pytest.approx(statistics.pstdev(values))
            assert sum(bar[side] for bar in features[name]["bars"]) == len(values)
    assert (features["note"]["there"], features["note"]["changed"]) == (None, None)
    assert sum(bar["here"] for bar in features["note"]["bars"]) == len(here)
    [count] = monthly["features"]
    assert (count["here"]["type"], count["there"]["type"], count["changed"]) == ("string", "bigint", 0)


def test_a_diff_fits_the_window_and_its_page_shows_values_as_text(
    root: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_page = ("--format", "html", "--output", "diff.html")
    assert fpjob("diff", "shop", "--schema", "dev_diff", *write_page).status == 0
    page = Path("diff.html").read_text()
    assert "&lt;b&gt;0&lt;/b&gt;" in page
    assert "<b>0</b>" not in page
    assert "http" not in page.replace("http-equiv", "")
    exact = fpjob("diff", "shop", "--schema", "dev_diff").stdout
    near = fpjob("diff", "shop", "--schema", "dev_diff", "--tolerance", "1e-9").stdout
    line = re.compile(r"user_14d_avg_spend +(\d+) ")
    assert [line.search(each)[1] for each in (exact, near)] == ["3", "2"]  # type: ignore[index]
    assert "note                  only here" in exact
    assert "user_monthly_txn_count: type bigint there, string here" in exact
    monkeypatch.setattr("feature_platform_py.cli.diff.table_width", lambda _: 80)
    narrow = fpjob("diff", "shop", "--schema", "dev_diff").stdout
    assert max(map(len, narrow.splitlines())) <= 80
    missing = fpjob("diff", "shop", "--schema", "dev_nobody")
    assert missing.status == 0
    assert missing.stdout.count("  only there\n") == 2


def test_a_diff_of_a_schema_with_itself_is_refused(root: Path, fpjob: Fpjob) -> None:
    outcome = fpjob("diff", "shop")
    assert outcome.status == 2
    assert "`diff` compares two schemas, given `features` twice; name an environment with `--schema`" in outcome.stderr


def versions(table: Path) -> int:
    return len(list((table / "_delta_log").glob("*.json")))


def test_a_promotion_brings_the_environments_values_in_one_commit_and_computes_nothing(
    root: Path, fpjob: Fpjob
) -> None:
    refused = fpjob("promote", "shop")
    assert refused.status == 2
    assert "`promote`: expected an environment, given production's schema `features`" in refused.stderr
    reword(JOB, "window_days: 14", "window_days: 7")
    before = production()
    refused = fpjob("promote", "shop", "--schema", "dev_anna")
    assert refused.status == 2
    assert "`dev_anna` does not have the tables of the project's files, and nothing was changed" in refused.stderr
    assert production() == before

    run(fpjob, "--schema", "dev_anna")
    spend, count = (
        (WAREHOUSE / schema / SPEND for schema in ("features", "dev_anna")),
        versions(WAREHOUSE / "features" / SPEND),
    )
    there, here = spend
    expected = rows_of(here)
    outcome = fpjob("promote", "shop", "--schema", "dev_anna", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    told = json.loads(outcome.stdout)
    assert told["tables"] == [
        {"table": "user_spend", "change": "replaced"},
        # Production has read the rows that were added meanwhile, and so has the environment.
        {"table": "user_monthly_transactions", "change": "same"},
    ]
    assert set(actions(told["run"]).values()) == {"skip"}
    assert rows_of(there).equals(expected)
    assert versions(there) == count + 1
    session = open_warehouse("sail", WAREHOUSE).spark
    assert session.table(f"features.{SPEND}").count() == expected.num_rows == 90
    assert rows_of(WAREHOUSE / "sales/shop").num_rows == 90


_KILLED = """
import os, sys
from pathlib import Path
from feature_platform_py.files import delta_links

link, left = os.link, [int(sys.argv[3])]

def killed(*arguments):
    if not left[0]:
        os._exit(9)
    left[0] -= 1
    link(*arguments)

os.link = killed
delta_links.replacement(Path(sys.argv[1]), Path(sys.argv[2])).commit()
"""


def test_a_killed_promotion_leaves_the_old_rows_or_the_new_ones(root: Path) -> None:
    # Another grain of partitions and other columns: nothing of the old table is kept.
    old, new = (Path("killed") / name for name in ("there", "here"))
    write_deltalake(old, pa.table({"day": [1, 2, 2], "paid": [1.5, 2.5, 3.5]}), partition_by=["day"])
    write_deltalake(new, pa.table({"month": [1, 2, 3], "spent": ["1", "2", "3"]}), partition_by=["month"])
    rows = {False: rows_of(old), True: rows_of(new)}
    ends = []
    for links in range(6):
        killed = subprocess.run([sys.executable, "-c", _KILLED, old, new, str(links)], check=False)
        ends.append(killed.returncode)
        assert rows_of(old).equals(rows[killed.returncode == 0])
        if killed.returncode == 0:
            break
    # Three files were brought, one after the other in three tries, and then the commit.
    assert ends == [9, 9, 9, 0] or ends == [9, 9, 0]
    assert rows_of(new).equals(rows[True])


def test_dropping_an_environment_leaves_production_as_it_is(root: Path, fpjob: Fpjob) -> None:
    before = {name: file for name, file in production().items() if not name.endswith(".lock")}
    assert fpjob("drop").status == 2
    shown = fpjob("drop", "--schema", "dev_anna", "--dry-run").stdout
    assert "dev_anna_sales.shop" in shown
    assert "would be dropped" in shown
    outcome = fpjob("drop", "--schema", "dev_anna", "--yes")
    assert outcome.status == 0, outcome.stderr
    assert not any((WAREHOUSE / name).exists() for name in ("dev_anna", "dev_anna_sales", ".environments/dev_anna"))
    assert not Path("target/environments/dev_anna").exists()
    assert {name: file for name, file in production().items() if not name.endswith(".lock")} == before
    told = run(fpjob, "--full-tests")
    assert set(actions(told).values()) == {"skip"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("dev-anna", "expected the name of a schema, of letters, digits and `_`, such as `dev_anna`, given `dev-anna`"),
        ("Features", "`Features` is `features`, production's own schema, to Spark"),
        ("sources", "given `sources`, which has the sources of jobs"),
        ("Sales", "given `Sales`, which has the sink of `shop.yaml`"),
    ],
)
def test_a_schema_that_is_in_use_is_refused(root: Path, fpjob: Fpjob, schema: str, said: str) -> None:
    outcome = fpjob("run", "shop", "--schema", schema)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert said in outcome.stderr


def test_a_profile_that_does_not_read_the_schema_says_what_to_write(
    root: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = Path("profiles/profiles.yml")
    kept = profiles.read_text()
    try:
        profiles.write_text(kept.replace("\"{{ env_var('FP_SCHEMA', 'features') }}\"", "features"))
        outcome = fpjob("plan", "shop", "--schema", "dev_anna")
        assert outcome.status == 2
        assert "given `features`; write `schema: \"{{ env_var('FP_SCHEMA', 'features') }}\"`" in outcome.stderr
    finally:
        profiles.write_text(kept)
