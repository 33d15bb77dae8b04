"""Three first hours, from an empty folder and the wheel: a dbt engineer's, an ML engineer's and a data steward's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import nbformat
import pandas as pd
import pyarrow.parquet as pq
import pytest
from nbclient import NotebookClient

from tests.browsers import Watched, served
from tests.conftest import reword
from tests.first_hours.conftest import Hour, orders_in_window

Open = Callable[..., Watched]
AHEAD = {"user_monthly_txn_count", "user_total_spend_household_payment"}

pytestmark = pytest.mark.slow


def test_a_dbt_engineer_has_a_group_over_own_data_with_tests_and_docs(hour: Hour, shop: Callable[[], None]) -> None:
    shop()
    # What is not described yet is named with its line.
    unsaid = hour.type("fpjob registry validate", status=2)
    assert "registry/source/buyer/v1/orders_source.yaml" in unsaid
    for file in hour.folder.glob("registry/*/**/*.yaml"):
        file.write_text(re.sub(r"Say what `(\w+)` means\.", r"The \1 of the order.", file.read_text()))
    hour.type("fpjob registry validate")
    hour.type("fpjob registry sync")

    # A mistake in a definition is one line, with the name that was meant.
    reword(hour.folder / "registry/feature/buying.yaml", "column: total", "column: totl")
    mistake = hour.type("fpjob registry sync", status=2)
    assert "registry/feature/buying.yaml:" in mistake
    assert "Did you mean `total`?" in mistake
    reword(hour.folder / "registry/feature/buying.yaml", "column: totl", "column: total")

    # Without what it reads, the group's view has no table; the error says what to select.
    assert "dbt build --select +NAME" in hour.type("dbt build --select buying", status=1)
    built = hour.type("dbt build --select +buying")
    assert re.search(r"PASS source_not_null_buyer_orders|PASS \w*unique_grain_buying", built)
    assert "ERROR=0" in built
    rows = json.loads(hour.type("fpjob show buying --rows 100 --format json"))
    for row in rows:
        totals = orders_in_window(row["buyer_id"], row["ordered_at"], 30)
        assert float(row["total_sum_30d"]) == pytest.approx(sum(totals))
        assert row["count_7d"] == len(orders_in_window(row["buyer_id"], row["ordered_at"], 7))
    assert len(rows) == 60

    assert "target/docs/index.html: " in hour.type("fpjob docs build")
    site = hour.folder / "target" / "docs"
    for written in ("data.js", "dbt_data.js"):
        assert "Sum of `total` over (t - 30 d, t]" in (site / written).read_text(), written


def test_an_ml_engineer_has_a_training_set_from_a_notebook(
    hour: Hour, shop: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop()
    hour.type("python -m ipykernel install --prefix kernel --name hour")
    monkeypatch.setenv("JUPYTER_PATH", str(hour.folder / "kernel" / "share" / "jupyter"))
    for name in ("FP_WAREHOUSE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", hour.environment["PATH"])
    cells = [
        "import pandas as pd\nfrom feature_platform_py import WindowAggregator, features_at",
        "orders = pd.read_csv('data/orders.csv', parse_dates=['ordered_at'])\n"
        "window = {'function': 'sum', 'column': 'total', 'windows': ['30d']}\n"
        "with_sums = WindowAggregator(keys='buyer_id', timestamp_col='ordered_at', features=[window]).apply(orders)\n"
        "with_sums.to_parquet('sums.parquet')\nwith_sums.head()",
        "labels = pd.DataFrame({'buyer': [1, 2, 1, 99], 'returned': [True, False, False, True]})\n"
        "labels['asked_at'] = pd.to_datetime(['2024-02-03', '2024-02-03', '2024-03-30', '2024-02-03'])\n"
        "found = features_at(labels, features=['buying.*'], entities={'buyer': 'buyer'}, event_time='asked_at')\n"
        "found.to_pandas().to_parquet('training.parquet')\nfound.to_pandas()",
        "found.proof",
        "try:\n    features_at(labels, features=['buying.total_sum'], entities={'buyer': 'buyer'}, event_time='asked_at')\n"
        "except Exception as error:\n    print(error)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(hour.folder)}}
    NotebookClient(notebook, timeout=300, kernel_name="hour", resources=resources).execute()
    hour.typed += [(cell.source, _shown(cell), 0.0) for cell in notebook.cells]

    sums = pd.read_parquet(hour.folder / "sums.parquet")
    expected = [sum(orders_in_window(row.buyer_id, str(row.ordered_at), 30)) for row in sums.itertuples()]
    assert sums["total_sum_30d"].tolist() == pytest.approx(expected)

    training = pq.read_table(hour.folder / "training.parquet").to_pylist()
    assert [row["returned"] for row in training] == [True, False, False, True]
    for row in training:
        totals = orders_in_window(row["buyer"], str(row["asked_at"]), 30)
        assert row["total_sum_30d"] == (pytest.approx(sum(totals)) if totals else None)
        assert row["count_7d"] == len(orders_in_window(row["buyer"], str(row["asked_at"]), 7))
    *_, proof, mistake = [_shown(cell) for cell in notebook.cells]
    assert "4 in, 4 out" in proof
    assert "Did you mean `total_sum_30d`?" in mistake


def test_a_steward_finds_answers_in_the_browser(hour: Hour, open_page: Open) -> None:
    hour.type("fpjob init bank")
    hour.enter("bank")
    hour.type("fpjob run financial_features_extraction_v1")
    hour.type("fpjob docs build")
    with served(hour.folder / "target" / "docs") as address:
        for width in (1280, 390):
            watched = open_page(address, viewport={"width": width, "height": 900})
            _ask(watched.page, hour, width)
            watched.shoot(f"first_hour_steward_{width}")
            assert watched.faults == []


def _ask(page: Any, hour: Hour, width: int) -> None:
    def answer(question: str, text: str) -> str:
        hour.typed.append((f"({width} px) {question}", text, 0.0))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        return text

    ahead = page.get_by_role("region", name="Looks ahead")
    said = answer("Which features look ahead of their row?", ahead.inner_text())
    assert set(re.findall(r"^user_\w+", said, re.MULTILINE)) == AHEAD

    page.keyboard.press("/")
    page.keyboard.type("household payment spend")
    page.get_by_role("link", name="user_total_spend_household_payment").first.click()
    main = page.locator("article")
    page.get_by_role("heading", name="user_total_spend_household_payment").wait_for()
    said = answer("What does user_total_spend_household_payment mean, and who owns it?", main.inner_text()[:600])
    assert "Sum of the customer's amounts in the category household payment" in said
    assert re.search(r"Owner\s+data-platform", said)
    assert "looks ahead in financial_features_extraction_v1" in said

    said = answer("Which jobs use it?", main.get_by_role("region", name="Jobs").inner_text())
    assert {"financial_features_extraction_v1", "training_features_v1"} <= set(re.findall(r"\w+_v1", said))
    page.locator("article summary", has_text="As text").click()
    said = answer("What is it made of?", main.locator(".lineage details").inner_text())
    assert "transaction.mm_transaction.amount" in said
    said = answer("How many NULLs has it?", main.inner_text())
    assert re.search(r"Rows\s+1,229, of which 0 NULL \(0\.0 %\)", said)

    main.get_by_role("link", name="financial_features_extraction_v1", exact=True).first.click()
    page.get_by_role("heading", name="financial_features_extraction_v1").wait_for()
    assert re.search(r"Last run\s+\d{4}-\d\d-\d\d", answer("When was it computed?", main.inner_text()))
    main.get_by_role("link", name="transaction.mm_transaction").first.click()
    page.get_by_role("heading", name="transaction.mm_transaction").wait_for()
    said = answer("Where does it come from?", main.inner_text())
    assert "data/bank/transactions.csv" in said
    assert re.search(r"Owner\s+\S+", said)


def _shown(cell: Any) -> str:
    """Return what a cell prints, as text."""
    outputs = cell.get("outputs", [])
    return "\n".join(each.get("text") or each.get("data", {}).get("text/plain", "") for each in outputs)
