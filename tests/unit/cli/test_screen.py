"""Tables and lines fit the window of a terminal: what is shown, what is left out, and how values are rounded."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal

import pytest

from feature_platform_py.cli.screen import fitted, table_lines, table_width

BANK = ["transaction_id", "user_id", "timestamp", "balance", "user_30d_total_spend", "user_30d_avg_spend"]
FIRST = ["transaction_id", "user_id", "timestamp", "user_30d_total_spend", "user_30d_avg_spend"]
ROWS = [
    [276, 2, datetime(1993, 2, 26), Decimal("1100.00"), Decimal("1100.00"), 1100.0],
    [280, 2, datetime(1993, 4, 12), Decimal("45285.50"), Decimal("23949.50"), 7983.166666666667],
]


def test_a_pipe_gets_all_columns_on_lines_of_any_length() -> None:
    header, *_ = table_lines(BANK, ROWS)
    assert header.split() == BANK


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_line_is_longer_than_the_window(width: int) -> None:
    assert max(map(len, table_lines(BANK, ROWS, width=width, first=FIRST))) <= width


def test_keys_time_and_features_come_before_other_columns_and_the_rest_is_named() -> None:
    shown = table_lines(BANK, ROWS, width=62, first=FIRST)
    assert shown == [
        "transaction_  user_                user_30d_  user_30d_",
        "          id     id  timestamp   total_spend  avg_spend",
        "─" * 55,
        "         276      2  1993-02-26      1100.00   1100.000",
        "         280      2  1993-04-12     23949.50   7983.167",
        "1 column not shown: balance",
    ]


def test_the_names_of_hidden_columns_take_one_line() -> None:
    names = [f"column_number_{number}" for number in range(9)]
    *_, last = table_lines(names, [list(range(9))], width=60, first=names[:3])
    assert last.startswith("6 columns not shown: column_number_3 and")
    assert last.endswith(" more")


def test_hidden_features_are_named_before_other_columns() -> None:
    names = ["a_column_of_the_source", "another_column", "spend"]
    *_, last = table_lines(["user", *names], [["x" * 10, *["y" * 50] * 3]], width=44, first=["user", "spend"])
    assert last == "3 columns not shown: spend and 2 more"


def test_at_least_one_column_is_shown() -> None:
    assert table_lines(["a", "b"], [["x" * 50, "y"]], width=10)[2] == "x" * 50


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([7983.166666666667, 16032.9], ["7983.17", "16032.90"]),
        ([1 / 3, 0.5], ["0.333333", "0.500000"]),
        ([2.0, 3.0], ["2.0", "3.0"]),
        ([1e-9, 2.5], ["1e-09", "2.5"]),
        ([1.5e18, 2.0], ["1.5e+18", "2.0"]),
        ([float("nan"), float("inf"), None], ["nan", "inf", "NULL"]),
        ([Decimal("1.123456789012"), None], ["1.123456789012", "NULL"]),
        ([12345678901234567890, 1], ["12345678901234567890", "1"]),
    ],
)
def test_doubles_are_rounded_and_other_numbers_are_exact(values: list[object], texts: list[str]) -> None:
    _, _, *lines = table_lines(["v"], [[value] for value in values])
    assert [line.strip() for line in lines] == texts


def test_texts_cannot_steer_the_terminal() -> None:
    *_, line = table_lines(["v"], [["red \x1b[31m\nnext"]])
    assert line == "red \\x1b[31m\\nnext"


def test_wide_characters_keep_columns_aligned() -> None:
    *_, first, second = table_lines(["place", "n"], [["東京", 1], ["Brno", 2]])
    assert (first, second) == ("東京   1", "Brno   2")


def test_long_lines_are_broken_between_names_and_go_on_below_the_last_cell() -> None:
    line = "  user_spend  user_id, timestamp  user_30d_total_spend, user_30d_avg_spend"
    assert fitted(line, 60) == (
        "  user_spend  user_id, timestamp  user_30d_total_spend,\n                                  user_30d_avg_spend"
    )
    assert fitted(line, None) == line
    names = "user_total_spend_household_payment, user_total_spend_insurance_payment"
    assert set(fitted(f"  table  grain  {names}", 40).replace(",", " ").split()) == {
        "table",
        "grain",
        *names.split(", "),
    }


def test_columns_of_the_environment_decides_the_width_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert table_width(io.StringIO()) is None
    monkeypatch.setenv("COLUMNS", "100")
    assert table_width(io.StringIO()) == 100
