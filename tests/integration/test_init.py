"""`fpjob init`: a project that runs, and entries that are valid before they are written."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from feature_platform_py.scaffold.files import project_files
from feature_platform_py.warehouse.delta_layout import table_properties
from feature_platform_py.warehouse.session import open_session
from tests.conftest import ROOT, Fpjob

SALES = (
    "sale_id,user_id,at,price,kind\n"
    "1,7,2024-01-01 10:00:00,10.50,food\n2,7,2024-01-20 10:00:00,2.25,\n3,8,2024-03-01 09:00:00,4.00,food\n"
)


@pytest.fixture
def shop(tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FP_WAREHOUSE", raising=False)
    assert fpjob("init", tmp_path / "shop").status == 0
    monkeypatch.chdir(tmp_path / "shop")
    (tmp_path / "shop/data/sales.csv").write_text(SALES)
    return tmp_path / "shop"


def test_a_new_project_is_valid_and_up_to_date(shop: Path, fpjob: Fpjob) -> None:
    assert fpjob("registry", "validate").status == 0
    assert fpjob("registry", "sync", "--check").status == 0
    assert fpjob("validate", *(shop / "configs/jobs").glob("*.yaml")).status == 0
    assert (shop / "profiles.yml").is_file()


def test_an_entity_a_source_and_a_job_from_flags_run(shop: Path, fpjob: Fpjob) -> None:
    entity = ("--description", "A sale.", "--key", "sale_id:bigint", "--relation", "customer:many:1")
    assert fpjob("init", "entity", "sale", *entity).status == 0
    customer = (shop / "registry/entity/customer/customer.yaml").read_text()
    assert "  - to: sale\n    type: 1:many\n" in customer
    assert customer.startswith("# yaml-language-server")
    place = ("--location", "data/sales.csv", "--event-time", "at", "--primary-key", "sale_id")
    fields = ("sale_id:bigint:required", "user_id:bigint", "at:timestamp", "price:decimal(8,2)", "kind:string")
    given = [part for field in fields for part in ("--field", field)]
    made = fpjob(
        "init", "source", "sales", "--entity", "sale", "--owner", "shop", "--description", "Sales.", *place, *given
    )
    assert made.status == 0, made.stderr
    categories = ("--category-col", "kind", "--category", "food")
    made = fpjob("init", "job", "sales_v1", "--source", "sales", "--description", "Spend.", *categories)
    assert made.status == 0, made.stderr
    assert fpjob("registry", "sync").status == 0
    customers = shop / "data/bank/customers.csv"
    assert {"7", "8"} <= {line.split(",")[0] for line in customers.read_text().splitlines()}
    outcome = fpjob("run", "configs/jobs/sales_v1.yaml", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    rows = {row["sale_id"]: row for row in json.loads(outcome.stdout)["sink"]["preview"]}
    assert [float(rows[number]["user_30d_total_spend"]) for number in (1, 2, 3)] == [10.5, 12.75, 4.0]
    assert float(rows[2]["user_total_spend_food"]) == 10.5


def test_a_description_that_nobody_wrote_is_a_problem_of_the_registry_and_of_nothing_else(
    shop: Path, fpjob: Fpjob
) -> None:
    place = ("--location", "data/sales.csv", "--event-time", "at", "--primary-key", "sale_id")
    flags = ("--entity", "customer", "--owner", "shop", "--description", "Sales.", *place)
    made = fpjob("init", "source", "sales", *flags)
    file = "registry/source/customer/v1/sales_source.yaml"
    described = {each["name"]: each["description"] for each in yaml.safe_load((shop / file).read_text())["fields"]}
    customer = yaml.safe_load((shop / "registry/entity/customer/customer.yaml").read_text())["fields"]
    assert described == {
        "sale_id": "Identifies one row.",
        "user_id": next(each["description"].strip() for each in customer if each["name"] == "user_id"),
        "at": "When the row's event happened.",
        "price": "Say what `price` means.",
        "kind": "Say what `kind` means.",
    }
    lines = [number for number, line in enumerate((shop / file).read_text().splitlines(), 1) if "Say what" in line]
    at = f"lines {lines[0]}, {lines[1]} of {file}"
    assert made.stdout.endswith(
        f"next: fpjob registry sync\nthen: write the descriptions at {at}, and fpjob registry validate\n"
    )
    outcome = fpjob("registry", "validate")
    assert outcome.status == 2
    for number, line, name in zip((3, 4), lines, ("price", "kind"), strict=True):
        assert (
            f"{file}:{line}: `fields[{number}].description`: expected a description, given the placeholder"
            f" `Say what `{name}` means.`; say it"
        ) in outcome.stderr
    # The other problems of the registry are reported with them.
    text = (shop / file).read_text()
    (shop / file).write_text(text.replace("owner: shop", "owner: ''"))
    assert [
        each["line"] for each in json.loads(fpjob("registry", "validate", "--format", "json").stdout)["problems"]
    ] == [
        text[: text.index("owner:")].count("\n") + 1,
        *lines,
    ]
    (shop / file).write_text(text)
    assert fpjob("registry", "sync").status == 0
    assert "Say what" not in (shop / "models/sources/customer__v1__sales.yml").read_text()


def test_the_fields_of_a_source_are_those_of_its_data(shop: Path, fpjob: Fpjob) -> None:
    place = ("--location", "data/sales.csv", "--event-time", "at", "--primary-key", "sale_id")
    made = fpjob(
        "init", "source", "sales", "--entity", "customer", "--owner", "shop", "--description", "Sales.", *place
    )
    assert made.status == 0, made.stderr
    text = (shop / "registry/source/customer/v1/sales_source.yaml").read_text()
    assert [line.split()[2] for line in text.splitlines() if line.startswith("- name:")] == [
        "sale_id",
        "user_id",
        "at",
        "price",
        "kind",
    ]


def test_a_feature_group_of_a_model_without_one(shop: Path, fpjob: Fpjob) -> None:
    (shop / "models/visits.sql").write_text("{{ config(enabled=false) }}select 1 as visits_7d\n")
    flags = ("--description", "Visits.", "--owner", "shop", "--entity", "customer", "--model", "visits")
    made = fpjob("init", "feature", "visits", *flags, "--feature", "visits_<days>d:bigint")
    assert made.status == 0, made.stderr
    assert made.stdout.endswith(
        "then: write the descriptions at line 10 of registry/feature/visits.yaml, and fpjob registry validate\n"
    )
    text = (shop / "registry/feature/visits.yaml").read_text()
    (shop / "registry/feature/visits.yaml").write_text(text.replace("Say what `visits_<days>d` means.", "Visits."))
    assert fpjob("registry", "validate").stdout == "registry: valid, 2 entities, 3 sources, 22 features\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["entity", "sale"],
            "expected `--description`, `--key`, given none; without a terminal the command cannot prompt for them",
        ),
        (["entity", "Sale", "--description", "x", "--key", "a:bigint"], "name `Sale`: expected a-z, 0-9 and `_`"),
        (["entity", "../x", "--description", "x", "--key", "a:bigint"], "name `../x`: expected a-z, 0-9 and `_`"),
        (["entity", "sale", "--description", "x", "--key", "a"], "field `a`: expected `name:type`"),
        (
            ["entity", "sale", "--description", "x", "--key", "a:bigint", "--relation", "custmer:many:1"],
            "entity `custmer` is unknown. Did you mean `customer`?",
        ),
        (
            ["entity", "sale", "--description", "x", "--key", "a:bigint", "--relation", "customer:some"],
            "relation `customer:some`: expected `entity:type`",
        ),
        (["entity", "sale", "--description", "x", "--key", "a:number"], "`number` is not a Spark SQL type"),
        (["entity", "customer", "--description", "x", "--key", "a:bigint"], "the file exists already"),
        (["job", "x", "--source", "mm_transactions", "--description", "x"], "Did you mean `mm_transaction`?"),
        (
            ["job", "x", "--source", "mm_transaction", "--description", "x", "--amount-col", "amt"],
            "configs/jobs/x.yaml:13: `feature_transformers[0].params.amount_col`: column `amt` is missing in the source.",
        ),
        (
            ["job", "financial_features_extraction_v1", "--source", "mm_transaction", "--description", "x"],
            "`financial_features_extraction_v1` is the name of the job in `configs/jobs/sample_financial_features_job.yaml` too",
        ),
        (
            ["entitty", "sale"],
            "expected one folder, or one of project, entity, source, feature, group, job, transformer first, given `entitty`",
        ),
        (["README.md/shop"], "README.md/shop: cannot be written: Not a directory"),
        (["."], "expected an empty folder or a fresh repository, found `data`; move what is in the way"),
        (
            ["job", "x", "--source", "mm_transaction", "--description", "x", "--category", "rent"],
            "expected `--category-col` and `--category` together, given one of them; add the other",
        ),
        (
            ["job", "x", "--source", "mm_customer", "--description", "x"],
            "expected `--user-id-col`, `--timestamp-col`, `--amount-col`, given none",
        ),
    ],
)
def test_what_would_be_wrong_is_said_and_not_written(
    shop: Path, fpjob: Fpjob, arguments: list[str], message: str
) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*.y*ml")}
    outcome = fpjob("init", *arguments)
    assert outcome.status == 2
    assert message in outcome.stderr
    assert {path: path.read_bytes() for path in shop.rglob("*.y*ml")} == before


def test_a_project_in_the_working_directory_leaves_the_shell_in_it(
    tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    monkeypatch.chdir(tmp_path / "link")
    assert fpjob("init", ".").status == 0
    assert fpjob("registry", "validate").status == 0


ODD = ["sale id", "user.id", 'when "it" was', "amount, €", "select", "naïve`tick", "it's", "a:b", "{{ y }}", "${HOME}"]
ODD += ["back\\slash", "null", "#c", "- d", "日本", "x" * 200]


def odd_rows() -> pa.Table:
    """Three rows whose columns have names of every kind: key, user, time, amount and category first."""
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    first = [
        pa.array([1, 2, 3], pa.int64()),
        pa.array([7, 7, 8], pa.int64()),
        pa.array(days, pa.timestamp("us", "UTC")),
        pa.array([Decimal("1.50"), Decimal("2.25"), None], pa.decimal128(8, 2)),
        pa.array(["a", "b", "a"]),
    ]
    return pa.table([*first, *[pa.array(["p", None, "q"])] * (len(ODD) - 5)], names=ODD)


def write_odd_rows(shop: Path, kind: str) -> str:
    """The rows as files of the kind; their path from the project."""
    path, rows = shop / "data" / f"odd.{kind}", odd_rows()
    texts = [
        {
            name: value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in rows.to_pylist()
    ]
    if kind == "parquet":
        pq.write_table(rows, path)
    elif kind == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([ODD, *[list(row.values()) for row in texts]])
    elif kind == "json":
        path.write_text("".join(json.dumps(row, default=float) + "\n" for row in texts))
    else:
        pq.write_table(rows, shop / "data" / "rows.parquet")
        session = open_session("sail", shop / "warehouse")
        frame = session.read.parquet(str(shop / "data" / "rows.parquet"))
        frame.write.format("delta").options(**table_properties(ODD)).save(str(path))
    return f"data/odd.{kind}"


@pytest.mark.parametrize("kind", ["csv", "delta", *(["parquet", "json"] if os.environ.get("FP_EVERY_FORMAT") else [])])
def test_columns_of_any_name_become_a_source_and_a_job_that_runs(shop: Path, fpjob: Fpjob, kind: str) -> None:
    key, user, time, amount, category = ODD[:5]
    place = ("--location", write_odd_rows(shop, kind), "--format", kind, "--primary-key", key, "--event-time", time)
    types = ("--field", f"{amount}:decimal(8,2)") if kind in {"csv", "json"} else ()
    about = ("--entity", "customer", "--owner", "o", "--description", "d", *types)
    made = fpjob("init", "source", "odd", *about, *place)
    assert made.status == 0, made.stderr
    columns = ("--user-id-col", user, "--category-col", category, "--category", "a")
    made = fpjob("init", "job", "odd_v1", "--source", "odd", "--description", "d", *columns)
    assert made.status == 0, made.stderr
    if kind == "csv":
        # A run needs no `fpjob registry sync` before it.
        assert fpjob("run", "configs/jobs/odd_v1.yaml").status == 0
    assert fpjob("registry", "sync").status == 0
    outcome = fpjob("run", "configs/jobs/odd_v1.yaml", "--format", "json")
    assert outcome.status == 0, outcome.stderr
    rows = sorted(json.loads(outcome.stdout)["sink"]["preview"], key=lambda row: row[key])
    assert [list(row)[: len(ODD)] for row in rows] == [ODD] * 3
    assert [[row[name] for name in ODD[5:]] for row in rows] == [[value] * (len(ODD) - 5) for value in ("p", None, "q")]
    totals = [row["user_30d_total_spend"] for row in rows]
    assert [total and Decimal(total) for total in totals] == [Decimal("1.50"), Decimal("3.75"), None]
    assert [Decimal(row["user_total_spend_a"]) for row in rows] == [Decimal("1.50"), Decimal("1.50"), 0]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_fresh_repository_gets_a_project_and_keeps_its_files(
    tmp_path: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch, is_interrupted: bool
) -> None:
    own = {"README.md": "# mine\n", ".gitignore": "*.pyc\n", "LICENSE": "mine\n", "pyproject.toml": "[project]\n"}
    for name, text in own.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    outcome = fpjob("init", ".")
    assert outcome.status == 0, outcome.stderr
    assert {name: (tmp_path / name).read_text() for name in own} == own
    assert "left README.md as it is\n" in outcome.stdout
    assert "add to .gitignore: dbt_packages/ target/ logs/ warehouse/ output/ .user.yml .venv/\n" in outcome.stdout
    assert re.search(r"^next: \S*fpjob run configs/jobs/sample_financial_features_job.yaml$", outcome.stdout, re.M)
    if is_interrupted:
        # A kill leaves what was moved into place by then, and the folder that the rest was in.
        (tmp_path / "dbt_project.yml").unlink()
        (tmp_path / ".new-project-killed" / "models").mkdir(parents=True)
        assert fpjob("init", ".").stdout.startswith("wrote dbt_project.yml\n")
        assert not (tmp_path / ".new-project-killed").exists()
    assert fpjob("registry", "sync", "--check").status == 0
    assert fpjob("init", ".").stdout.startswith(".: the project exists already; nothing was written\n")


def test_everything_in_the_way_is_named_and_stays(tmp_path: Path, fpjob: Fpjob) -> None:
    folder = tmp_path / "busy"
    for name in ("src/code.py", "models/mine.sql", "tests/test_mine.py", "notes.txt", ".github/ci.yml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    before = {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
    outcome = fpjob("init", folder)
    assert outcome.status == 2
    assert "found `models`, `notes.txt`, `src`, `tests`; move what is in the way" in outcome.stderr
    assert {path: path.read_text() for path in folder.rglob("*") if path.is_file()} == before


def test_a_project_is_the_template_alone(tmp_path: Path) -> None:
    """What somebody adds to a checkout, or changes in its registry, jobs and profile, is theirs."""
    checkout = tmp_path / "checkout"
    for name in ("feature_platform_py", "macros"):
        shutil.copytree(ROOT / name, checkout / name)
    for name in [name for name in project_files(ROOT) if (ROOT / name).is_file()]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    code = "import sys; sys.argv = ['fpjob', *sys.argv[1:]]; from feature_platform_py.cli.main import main; main()"

    def call(*arguments: str, cwd: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    call("init", "new", cwd=tmp_path)
    call(
        "init",
        "entity",
        "sale",
        "--description",
        "x",
        "--key",
        "sale_id:bigint",
        "--relation",
        "customer:many:1",
        cwd=checkout,
    )
    mine = ("--source", "mm_transaction", "--description", "x", "--user-id-col", "user_id")
    call("init", "job", "mine", *mine, cwd=checkout)
    call("registry", "sync", cwd=checkout)
    for name in (
        "macros/mine.sql",
        "macros/transformers/mine.sql",
        "models/mine.sql",
        "data/bank/mine.csv",
        "data/mine.csv",
    ):
        (checkout / name).write_text("mine")
    for name in ("profiles/profiles.yml", "configs/jobs/training_features_job.yaml"):
        (checkout / name).write_text("# mine\n" + (checkout / name).read_text())
    call("init", "new", cwd=checkout)
    assert _content(checkout / "new") == _content(tmp_path / "new")


def _content(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files if "dbt_packages" not in path.parts}


def test_an_entity_that_was_added_may_be_related_to(shop: Path, fpjob: Fpjob) -> None:
    first = ("--description", "A sale.", "--key", "sale_id:bigint", "--relation", "customer:many:1")
    assert fpjob("init", "entity", "sale", *first).status == 0
    second = ("--description", "A part of a sale.", "--key", "part_id:bigint", "--relation", "sale:many:1")
    outcome = fpjob("init", "entity", "part", *second)
    assert outcome.status == 0, outcome.stderr
    assert fpjob("registry", "validate").stdout == "registry: valid, 4 entities, 3 sources, 21 features\n"


def test_a_given_field_counts_before_that_of_the_data(shop: Path, fpjob: Fpjob) -> None:
    flags = ("--entity", "customer", "--owner", "shop", "--description", "Sales.", "--location", "data/sales.csv")
    assert fpjob("init", "source", "sales", *flags, "--field", "price:decimal(8,2)").status == 0
    fields = yaml.safe_load((shop / "registry/source/customer/v1/sales_source.yaml").read_text())["fields"]
    assert {field["name"]: field["type"] for field in fields} == {
        "sale_id": "bigint",
        "user_id": "bigint",
        "at": "timestamp",
        "price": "decimal(8,2)",
        "kind": "string",
    }


@pytest.mark.parametrize(
    ("entity", "key", "guessed"),
    [
        ("customer", "sale_id", "user_id"),  # many rows of a customer
        ("customer", "user_id", None),  # one row a customer
        ("customer", None, None),  # nobody knows
        ("transaction", "sale_id", "user_id"),  # of the customer that the transaction belongs to
        ("transaction", None, "user_id"),
    ],
)
def test_the_user_of_a_job_is_never_what_identifies_a_row(
    shop: Path, fpjob: Fpjob, entity: str, key: str | None, guessed: str | None
) -> None:
    place = ("--location", "data/sales.csv", "--event-time", "at", *(("--primary-key", key) if key else ()))
    flags = ("--entity", entity, "--owner", "shop", "--description", "Sales.")
    assert fpjob("init", "source", "sales", *flags, *place, "--field", "user_id:bigint:required").status == 0
    made = fpjob("init", "job", "sales_v1", "--source", "sales", "--description", "Spend.")
    if guessed is None:
        assert made.status == 2
        assert "expected `--user-id-col`, given none" in made.stderr
    else:
        assert made.status == 0, made.stderr
        job = yaml.safe_load((shop / "configs/jobs/sales_v1.yaml").read_text())
        assert {each["params"]["user_id_col"] for each in job["feature_transformers"]} == {guessed}


def test_two_jobs_of_one_name_are_said_by_sync(shop: Path, fpjob: Fpjob) -> None:
    jobs = shop / "configs/jobs"
    (jobs / "twin.yaml").write_text((jobs / "training_features_job.yaml").read_text())
    outcome = fpjob("registry", "sync", "--check")
    assert outcome.status == 1
    assert "configs/jobs/twin.yaml:3: `job_name`: `training_features_v1` is the name of the job in" in outcome.stderr


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_an_entity_that_is_unknown_is_asked_for_again(
    shop: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("custmer\ncustomer\n"))
    described = ("--description", "Sales.", "--owner", "shop", "--location", "data/sales.csv")
    outcome = fpjob("init", "source", "sales", *described)
    assert outcome.status == 0, outcome.stderr
    assert "entity (what it is about: customer, transaction): " in outcome.stderr
    assert "Did you mean `customer`?" in outcome.stderr
    written = (shop / "registry/source/customer/v1/sales_source.yaml").read_text()
    assert "entity: customer\n" in written
    assert "event_time: at\n" in written
    assert "took `at`, the only time among the fields, as event time" in outcome.stdout


def test_an_entity_that_is_unknown_says_how_to_add_it(shop: Path, fpjob: Fpjob) -> None:
    described = ("--description", "Sales.", "--owner", "shop", "--location", "data/sales.csv", "--entity", "buyer")
    outcome = fpjob("init", "source", "sales", *described)
    assert outcome.status == 2
    assert "entity `buyer` is unknown." in outcome.stderr
    assert "init entity buyer" in outcome.stderr


def test_a_source_with_several_times_says_that_none_is_its_event_time(shop: Path, fpjob: Fpjob) -> None:
    (shop / "data/orders.csv").write_text("order_id,at,paid\n1,2024-01-01,2024-01-02\n")
    described = ("--description", "Orders.", "--owner", "shop", "--location", "data/orders.csv", "--entity", "customer")
    outcome = fpjob("init", "source", "orders", *described)
    assert outcome.status == 0, outcome.stderr
    assert "--event-time names it (one of at, paid)" in outcome.stdout


def test_what_no_flag_says_is_asked_for_on_a_terminal(
    shop: Path, fpjob: Fpjob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("A sale of a shop.\nsale_id:bigint\n"))
    outcome = fpjob("init", "entity", "sale")
    assert outcome.status == 0, outcome.stderr
    assert "description: A sale of a shop.\n" in (shop / "registry/entity/sale/sale.yaml").read_text()
    assert "as name:type, such as shop_id:bigint): " in outcome.stdout + outcome.stderr


def test_hostile_text_is_only_text(shop: Path, fpjob: Fpjob) -> None:
    text = "{{ env_var('HOME') }}: 'x' # \"y\"\nowner: z"
    assert fpjob("init", "entity", "sale", "--description", text, "--key", "a:bigint").status == 0
    assert fpjob("registry", "validate").status == 0
