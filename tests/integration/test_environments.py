"""Environments: a schema beside production's that starts from its tables, computes what differs, and never writes production."""

from __future__ import annotations

import hashlib
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake

from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.files.delta_links import Linked, link_table
from feature_platform_py.files.delta_log import log_files
from feature_platform_py.runs import environment
from feature_platform_py.warehouse.session import close_warehouse, open_warehouse
from tests.conftest import Outcome, copy_project, delta_rows, reword

JOB = Path("configs/jobs/shop.yaml")
WAREHOUSE = Path("warehouse")
SOURCES = ("sources", "sources__dev_anna")
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


def call(*arguments: str) -> Outcome:
    """Call the command line in this process, as the fixture `fpjob` does for one test."""
    from feature_platform_py.cli.ending import end
    from feature_platform_py.cli.main import cli

    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as told:
        status = end(lambda: cli(list(arguments), standalone_mode=False))
    return Outcome(status, out.getvalue(), told.getvalue())


def run(*options: str) -> dict[str, Any]:
    outcome = call("run", "shop", "--format", "json", *options)
    assert outcome.status == 0, outcome.stderr
    return dict(json.loads(outcome.stdout))


def actions(told: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["work"]["action"] for each in told["models"] if "work" in each}


def contents(*folders: str) -> dict[str, str]:
    """The digests of all files of some folders of the warehouse."""
    files = [file for folder in folders for file in (WAREHOUSE / folder).rglob("*") if file.is_file()]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def production() -> dict[str, str]:
    return contents("features", "sales", ".running")


def versions(table: Path) -> int:
    return len(list((table / "_delta_log").glob("*.json")))


def inodes(schema: str, table: str) -> set[int]:
    return {file.stat().st_ino for file in (WAREHOUSE / schema / table).rglob("*.parquet")}


def counted(name: str) -> int:
    return open_warehouse("sail", WAREHOUSE).spark.table(name).count()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = copy_project(tmp_path_factory.mktemp("project") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("FP_WAREHOUSE", raising=False)
        patch.delenv("COLUMNS", raising=False)
        write_rows(range(80))
        JOB.write_text(_TEXT)
        run()
        yield tell_story(folder, patch)
        close_warehouse("sail", folder / WAREHOUSE)


def tell_story(root: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Develop a job in `dev_anna` and promote it; return what was seen."""
    seen: dict[str, Any] = {"at first": production(), "plan": call("plan", "shop", "--schema", "dev_anna")}
    seen["after the plan"] = (WAREHOUSE / "dev_anna").exists()
    seen["unchanged"] = run("--schema", "dev_anna")
    seen["inputs of both"] = [list(open_warehouse("sail", WAREHOUSE).relations(each)) for each in SOURCES]
    seen["shared"] = [(inodes("dev_anna", name), inodes("features", name)) for name in (SPEND, MONTHLY)]

    reword(JOB, "window_days: 30", "window_days: 14")
    seen["changed"] = run("--schema", "dev_anna")
    seen["after dev runs"] = production()
    seen["dev tables"] = [
        delta_rows(WAREHOUSE / each) for each in (f"dev_anna/{SPEND}", f"dev_anna/{MONTHLY}", "dev_anna_sales/shop")
    ]
    with patch.context() as fresh:
        fresh.setenv("FP_WAREHOUSE", "fresh")
        run()
        close_warehouse("sail", root / "fresh")
    seen["fresh tables"] = [
        delta_rows(Path("fresh") / each) for each in (f"features/{SPEND}", f"features/{MONTHLY}", "sales/shop")
    ]

    write_rows(range(90))
    shared = inodes("features", MONTHLY)
    run("--full-refresh")
    seen["vacuum"] = call("vacuum", "shop", "--retention", "0h")
    seen["left of the shared files"] = shared & inodes("features", MONTHLY)
    seen["after the vacuum"] = delta_rows(WAREHOUSE / "dev_anna" / MONTHLY), counted(f"dev_anna.{MONTHLY}")

    reword(JOB, "window_days: 14", "window_days: 7")
    before = production()
    seen["too early"] = call("promote", "shop", "--schema", "dev_anna")
    seen["changed too early"] = production() != before
    run("--schema", "dev_anna")
    there, here = (WAREHOUSE / schema / SPEND for schema in ("features", "dev_anna"))
    seen["promotable"], count = delta_rows(here), versions(there)
    seen["promotion"] = call("promote", "shop", "--schema", "dev_anna", "--format", "json")
    seen["promoted"] = (
        delta_rows(there),
        versions(there) - count,
        counted(f"features.{SPEND}"),
        delta_rows(WAREHOUSE / "sales/shop"),
    )

    before = without_locks(production())
    seen["dry drop"] = call("drop", "--schema", "dev_anna", "--dry-run")
    seen["drop"] = call("drop", "--schema", "dev_anna", "--yes")
    left = [*(WAREHOUSE / name for name in ("dev_anna", SOURCES[1], "dev_anna_sales", ".environments/dev_anna"))]
    left += [Path("target/environments/dev_anna"), Path("logs/environments/dev_anna")]
    seen["inputs"] = [list(open_warehouse("sail", WAREHOUSE).relations(each)) for each in SOURCES]
    seen["left"] = [path for path in left if path.exists()]
    seen["dropped of production"] = without_locks(production()) != before
    seen["after the drop"] = run("--full-tests")
    return seen


def without_locks(files: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if not name.endswith(".lock")}


def test_an_unchanged_definition_is_taken_over_and_nothing_is_computed(story: dict[str, Any]) -> None:
    told = story["unchanged"]
    assert set(actions(told).values()) == {"skip"}
    assert told["sink"]["path"] == "dev_anna_sales.shop"
    assert story["inputs of both"] == [["shop__input"], ["shop__input"]]
    assert all(here == there != set() for here, there in story["shared"])


def test_a_plan_says_what_is_taken_over_and_changes_nothing(story: dict[str, Any]) -> None:
    outcome = story["plan"]
    assert outcome.status == 0, outcome.stderr
    assert "shop on target local (sail), environment dev_anna beside features" in outcome.stdout
    assert "  writes  delta_table dev_anna_sales.shop (overwrite)" in outcome.stdout
    assert "  from features: user_spend, user_monthly_transactions" in outcome.stdout
    assert outcome.stdout.count("nothing new") == 2
    assert not story["after the plan"]


def test_only_the_changed_table_is_computed_and_it_equals_a_fresh_warehouse(story: dict[str, Any]) -> None:
    assert actions(story["changed"]) == {"user_spend": "rebuild", "user_monthly_transactions": "skip"}
    for here, fresh in zip(story["dev tables"], story["fresh tables"], strict=True):
        assert here.equals(fresh)


def test_runs_in_an_environment_leave_production_byte_for_byte(story: dict[str, Any]) -> None:
    assert story["after dev runs"] == story["at first"]


def test_an_environment_survives_the_vacuum_of_production(story: dict[str, Any]) -> None:
    assert story["vacuum"].status == 0, story["vacuum"].stderr
    assert story["left of the shared files"] == set()
    rows, count = story["after the vacuum"]
    assert rows.equals(story["dev tables"][1])
    assert rows.num_rows == count


def test_an_environment_of_another_definition_is_not_promoted(story: dict[str, Any]) -> None:
    assert story["too early"].status == 2
    assert (
        "`dev_anna` does not have the tables of the project's files, and nothing was changed"
        in story["too early"].stderr
    )
    assert not story["changed too early"]


def test_a_promotion_brings_the_environments_values_in_one_commit_and_computes_nothing(story: dict[str, Any]) -> None:
    assert story["promotion"].status == 0, story["promotion"].stderr
    told = json.loads(story["promotion"].stdout)
    assert told["tables"] == [
        {"table": "user_spend", "change": "replaced"},
        {"table": "user_monthly_transactions", "change": "same"},
    ]
    assert set(actions(told["run"]).values()) == {"skip"}
    rows, commits, count, sink = story["promoted"]
    assert rows.equals(story["promotable"])
    assert commits == 1
    assert count == rows.num_rows == sink.num_rows == 90


def test_dropping_an_environment_leaves_production_as_it_is(story: dict[str, Any]) -> None:
    assert "dev_anna_sales.shop" in story["dry drop"].stdout
    assert "would be dropped" in story["dry drop"].stdout
    assert story["drop"].status == 0, story["drop"].stderr
    assert (story["left"], story["inputs"]) == ([], [["shop__input"], []])
    assert not story["dropped of production"]
    assert set(actions(story["after the drop"]).values()) == {"skip"}


def test_production_is_neither_promoted_nor_dropped_without_a_name(story: dict[str, Any]) -> None:
    refused = call("promote", "shop")
    assert refused.status == 2
    assert "`promote`: expected an environment, given production's schema `features`" in refused.stderr
    refused = call("drop", "--yes")
    assert refused.status == 2
    assert "expected a job, a feature group or an environment, given none of them" in refused.stderr


@cache
def write_other_rows() -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Tables of another environment: fewer and more rows, other values and types; return the rows of production and of it."""
    there = (
        DeltaTable(WAREHOUSE / "features" / SPEND)
        .to_pyarrow_table()
        .drop_columns(["_input_fingerprint", "period_start"])
    )
    here = there.to_pylist()[:-2]
    total, average = "user_7d_total_spend", "user_7d_avg_spend"
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


def test_a_diff_counts_as_plain_python_does(story: dict[str, Any]) -> None:
    other_rows = write_other_rows()
    there, here = ({(row["who"], row["at"]): row for row in rows} for rows in other_rows)
    told = json.loads(call("diff", "shop", "--schema", "dev_diff", "--format", "json").stdout)
    spend, monthly = told["tables"]
    both = here.keys() & there.keys()
    assert (spend["in_both"], spend["only_here"], spend["only_there"]) == (len(both), 1, 2)
    assert [each["at"][:5] for each in spend["examples_here"]] == ["2030-"]
    features = {each["name"]: each for each in spend["features"]}
    assert set(features) == {"user_7d_total_spend", "user_7d_avg_spend", "note"}
    for name in ("user_7d_total_spend", "user_7d_avg_spend"):
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
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_other_rows()
    write_page = ("--format", "html", "--output", "diff.html")
    assert call("diff", "shop", "--schema", "dev_diff", *write_page).status == 0
    page = Path("diff.html").read_text()
    assert "&lt;b&gt;0&lt;/b&gt;" in page
    assert "<b>0</b>" not in page
    assert "http" not in page.replace("http-equiv", "")
    exact = call("diff", "shop", "--schema", "dev_diff").stdout
    near = call("diff", "shop", "--schema", "dev_diff", "--tolerance", "1e-9").stdout
    line = re.compile(r"user_7d_avg_spend +(\d+) ")
    assert [line.search(each)[1] for each in (exact, near)] == ["3", "2"]  # type: ignore[index]
    assert re.search(r"note +only here", exact)
    assert "user_monthly_txn_count: type bigint there, string here" in exact
    monkeypatch.setattr("feature_platform_py.cli.diff.table_width", lambda _: 80)
    narrow = call("diff", "shop", "--schema", "dev_diff").stdout
    assert max(map(len, narrow.splitlines())) <= 80


def odd_tables(warehouse: str, *, rows: int = 1) -> None:
    """Tables of production and of `dev_odd` with types whose values have no text or no common type, and one key `rows` times."""
    at = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)] + [datetime(2024, 1, 4, tzinfo=UTC)] * rows
    for schema, raw, digits, share in (
        ("features", [b"\xff", b"a", b"b", b"c"], pa.decimal128(38, 0), [1.0, 2.0, None, 4.0]),
        ("dev_odd", [b"\xff", b"\xfe", b"b", b"c"], pa.decimal128(38, 18), [None] * 4),
    ):
        money = [Decimal("1"), Decimal("2"), Decimal(10) ** (37 if schema == "features" else 19), Decimal("-4")]
        columns = {"raw": raw, "money": pa.array(money, digits), "share": pa.array(share, pa.float64())}
        table = pa.table({"who": ["a"] * 4, "at": at[:4], **columns})
        table = pa.concat_tables([table, *[table.slice(3)] * (len(at) - 4)]) if schema == "dev_odd" else table
        write_deltalake(Path(warehouse) / schema / SPEND, table)
        write_deltalake(Path(warehouse) / schema / MONTHLY, table)


def test_a_diff_compares_bytes_and_decimals_that_no_type_holds_together(
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FP_WAREHOUSE", "odd")
    odd_tables("odd")
    told = json.loads(call("diff", "shop", "--schema", "dev_odd", "--format", "json").stdout)
    assert told["tables"][0]["in_both"] == 4
    raw, money, share = told["tables"][0]["features"]
    assert (raw["changed"], raw["here"]["maximum"]) == (1, "FF")
    assert [(each["here"], each["there"]) for each in raw["examples"]] == [("FE", "61")]
    assert {bar["label"] for bar in raw["bars"]} == {"FF", "FE", "61", "62", "63"}
    assert money["changed"] == 1
    assert share["here"]["maximum"] is None
    shown = call("diff", "shop", "--schema", "dev_odd").stdout
    assert re.search(r"share +3 +75.00 +25.00 → 100.00 +2.333 → none +1.0 → none +4.0 → none", shown)
    close_warehouse("sail", Path("odd").resolve())


def test_a_diff_of_tables_with_a_key_more_than_once_is_not_equal(
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FP_WAREHOUSE", "twice")
    odd_tables("twice", rows=3)
    told = json.loads(call("diff", "shop", "--schema", "dev_odd", "--format", "json").stdout)
    spend = told["tables"][0]
    assert (spend["is_equal"], spend["repeated_here"], spend["repeated_there"]) == (False, 2, 0)
    shown = call("diff", "shop", "--schema", "dev_odd").stdout
    assert "keys more than once: 2 rows too many here, 0 there; so rows cannot be matched." in shown
    assert shown.endswith("0 of 2 tables are equal\n")
    close_warehouse("sail", Path("twice").resolve())


def test_a_diff_with_an_environment_that_is_not_there_names_a_near_one(story: dict[str, Any]) -> None:
    write_other_rows()
    for options in (["--schema", "dev_dif"], ["--against", "dev_dif"]):
        outcome = call("diff", "shop", *options)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert "no environment `dev_dif` has tables of `shop`" in outcome.stderr
        assert "Did you mean `dev_diff`?" in outcome.stderr


def test_a_diff_of_a_schema_with_itself_is_refused(story: dict[str, Any]) -> None:
    outcome = call("diff", "shop")
    assert outcome.status == 2
    assert "`diff` compares two schemas, given `features` twice; name an environment with `--schema`" in outcome.stderr


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


def test_a_killed_promotion_leaves_the_old_rows_or_the_new_ones(tmp_path: Path) -> None:
    # Another grain of partitions and other columns: nothing of the old table is kept.
    old, new = (tmp_path / name for name in ("there", "here"))
    write_deltalake(old, pa.table({"day": [1, 2, 2], "paid": [1.5, 2.5, 3.5]}), partition_by=["day"])
    write_deltalake(new, pa.table({"month": [1, 2, 3], "spent": ["1", "2", "3"]}), partition_by=["month"])
    rows = {False: delta_rows(old), True: delta_rows(new)}
    ends = []
    for links in range(6):
        killed = subprocess.run([sys.executable, "-c", _KILLED, old, new, str(links)], check=False)
        ends.append(killed.returncode)
        assert delta_rows(old).equals(rows[killed.returncode == 0])
        if killed.returncode == 0:
            break
    # Three files were brought, one after the other in three tries, and then the commit.
    assert ends == [9, 9, 9, 0] or ends == [9, 9, 0]
    assert delta_rows(new).equals(rows[True])


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (
            "dev-anna",
            "expected the name of a schema, of lower-case letters, digits and `_`, such as `dev_anna`, given `dev-anna`",
        ),
        (
            "Dev_Anna",
            "expected the name of a schema, of lower-case letters, digits and `_`, such as `dev_anna`, given `Dev_Anna`",
        ),
        ("sources", "given `sources`, which has the sources of jobs"),
        ("sources__dev_ben", "given `sources__dev_ben`, which has the sources of jobs"),
        ("default", "given `default`, which has the tables without a schema"),
        ("sales", "given `sales`, which has the sink of `shop.yaml`"),
        ("of_somebody", "given `of_somebody`, which has tables that no job of this project builds: `notes`"),
        ("dev_ben_sales", "given `dev_ben_sales`, which has sinks of the environment `dev_ben`"),
    ],
)
def test_a_schema_that_is_in_use_is_refused_and_never_dropped(story: dict[str, Any], schema: str, said: str) -> None:
    write_deltalake("warehouse/of_somebody/notes", pa.table({"a": [1]}), mode="overwrite")
    Path("warehouse/.environments/dev_ben").mkdir(parents=True, exist_ok=True)
    before = contents("warehouse")
    for command in (("run", "shop"), ("drop", "--yes"), ("drop", "shop", "--yes"), ("prune", "--yes")):
        outcome = call(*command, "--schema", schema)
        assert (outcome.status, outcome.stdout) == (2, "")
        assert said in outcome.stderr
    assert contents("warehouse") == before


def test_an_unknown_environment_is_not_dropped(story: dict[str, Any]) -> None:
    Path("warehouse/.environments/dev_ben").mkdir(parents=True, exist_ok=True)
    outcome = call("drop", "--schema", "dev_bem", "--yes")
    assert outcome.status == 2
    assert "environment `dev_bem` is unknown. Did you mean `dev_ben`?" in outcome.stderr


@pytest.mark.parametrize(
    ("kind", "path", "taken"),
    [("delta_table", "sales.shop", "dev_cleo_sales.shop"), ("parquet_files", "output/shop", "output/dev_cleo/shop")],
)
def test_a_sink_of_an_environment_is_no_place_of_production(
    story: dict[str, Any], kind: str, path: str, taken: str
) -> None:
    jobs = Path("configs/jobs")
    kept = (jobs / "shop.yaml").read_text()
    spec = yaml.safe_load(kept) | {"output_sink": {"sink_type": kind, "config": {"path": path, "mode": "overwrite"}}}
    other = spec | {
        "job_name": "other",
        "output_sink": {"sink_type": kind, "config": {"path": taken, "mode": "overwrite"}},
    }
    try:
        (jobs / "shop.yaml").write_text(yaml.safe_dump(spec))
        (jobs / "other.yaml").write_text(yaml.safe_dump(other))
        outcome = call("plan", "shop", "--schema", "dev_cleo")
    finally:
        (jobs / "shop.yaml").write_text(kept)
        (jobs / "other.yaml").unlink()
    assert outcome.status == 2
    assert f"would write `{taken}`, where the sink of `other.yaml` is; name another environment" in outcome.stderr


def test_a_profile_that_does_not_read_the_schema_says_what_to_write(
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = Path("profiles/profiles.yml")
    kept = profiles.read_text()
    try:
        profiles.write_text(kept.replace("\"{{ env_var('FP_SCHEMA', 'features') }}\"", "features"))
        outcome = call("plan", "shop", "--schema", "dev_anna")
        assert outcome.status == 2
        assert "given `features`; write `schema: \"{{ env_var('FP_SCHEMA', 'features') }}\"`" in outcome.stderr
    finally:
        profiles.write_text(kept)


@pytest.mark.parametrize(
    ("meanwhile", "noted"),
    [
        ("nothing", None),
        ("begins", ["a state"]),
        ("begins, writes", ["unknown"]),
        ("begins, writes, ends", ["unknown"]),
    ],
)
def test_an_environment_notes_what_a_run_in_production_does_while_it_takes_over(
    story: dict[str, Any], monkeypatch: pytest.MonkeyPatch, meanwhile: str, noted: list[str] | None
) -> None:
    project = open_project().in_schema(f"dev_{len(meanwhile)}")
    unproved, kept = (each.notes / "shop.unproved.json" for each in (project.production, project))
    seen = []

    def link(table: Path, to: Path) -> Linked:
        linked = link_table(table, to)
        # A process that is killed here leaves a table that is not trusted.
        seen.append(json.loads(kept.read_text()))
        if "begins" in meanwhile:
            unproved.write_text('["a state"]')
        if "writes" in meanwhile:
            log = log_files(table)
            log[-1].with_name(f"{len(log):020}.json").write_text('{"commitInfo": {}}\n')
        if "ends" in meanwhile:
            unproved.unlink()
        return linked

    monkeypatch.setattr(environment, "link_table", link)
    try:
        assert len(environment.take_over(prepare_job(JOB, project), project)) == 2
    finally:
        unproved.unlink(missing_ok=True)
    assert seen == [["unknown"], ["unknown"]]
    assert (json.loads(kept.read_text()) if kept.exists() else None) == noted


def test_what_a_killed_first_write_left_gives_way_to_productions_table(story: dict[str, Any]) -> None:
    left = WAREHOUSE / "dev_left" / SPEND / "left.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("half of it")
    project = open_project().in_schema("dev_left")
    assert len(environment.take_over(prepare_job(JOB, project), project)) == 2
    assert delta_rows(left.parent).equals(delta_rows(WAREHOUSE / "features" / SPEND))
    assert not left.exists()


def test_a_promotion_that_ends_early_says_what_to_run(story: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    reword(JOB, "window_days: 7", "window_days: 14")
    write_rows(range(91))
    run("--schema", "dev_late")
    write_rows(range(92))
    # Production's table is of fewer rows than the environment's, and stays.
    said = call("promote", "shop", "--schema", "dev_late", "--dry-run").stdout.splitlines()
    assert said[1].split(maxsplit=1)[1] == "stays; that of dev_late is not of today's input"

    def end_early(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("feature_platform_py.cli.promote.run_file", end_early)
        assert call("promote", "shop", "--schema", "dev_late").status == 130
    expected = (
        "the view `features.shop__job_features` does not fit the tables that it reads, because a run or a promotion has not ended:"
        " `fpjob run shop`"
    )
    for is_in_another_process in (False, True):
        if is_in_another_process:
            close_warehouse("sail", Path.cwd() / WAREHOUSE)
        outcome = call("show", "shop")
        assert (outcome.status, outcome.stdout) == (3, "")
        assert expected in " ".join(outcome.stderr.split())
        assert "Traceback" not in outcome.stderr
    run()
    assert call("show", "shop").status == 0
