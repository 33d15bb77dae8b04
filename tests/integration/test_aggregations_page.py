"""docs/aggregations.md: pictures drawn from plain definitions of windows, whose rows the engine counts; examples that run.

`--update-golden` draws the pictures, and pastes what the Python example prints.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from feature_platform_py import get_transformer
from feature_platform_py.features.functions import FUNCTIONS
from feature_platform_py.features.windows import PERIODS
from feature_platform_py.jobs.schema import job_json_schema
from tests.conftest import ROOT, Fpjob

PAGE = ROOT / "docs/aggregations.md"
T = datetime(2024, 3, 15, 12, tzinfo=UTC)
ROWS = {
    "a": datetime(2023, 12, 29, tzinfo=UTC),
    "b": datetime(2024, 1, 31, 9, tzinfo=UTC),
    "c": T - timedelta(days=30),
    "d": datetime(2024, 2, 20, tzinfo=UTC),
    "e": datetime(2024, 3, 1, tzinfo=UTC),
    "f": T - timedelta(days=7),
    "g": datetime(2024, 3, 12, tzinfo=UTC),
    "h": T,
    "i": T,
    "j": datetime(2024, 3, 18, tzinfo=UTC),
}
FIRST_DAY, DAYS, LABEL = datetime(2023, 12, 27, tzinfo=UTC), 84, 17
_PICTURE = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WINDOW = re.compile(r"(.+?)(?:, (left|both|none))?$")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True)
class Interval:
    """When rows count: from `start` (None: from the first) to `end`, and whether these instants do."""

    start: datetime | None
    has_start: bool
    end: datetime
    has_end: bool

    def holds(self, time: datetime) -> bool:
        is_after = self.start is None or time > self.start or (self.has_start and time == self.start)
        return is_after and (time < self.end or (self.has_end and time == self.end))


def interval(window: str, closed: str) -> Interval:
    """The interval of a window at T, from the words of the page."""
    has_t = closed in ("right", "both")
    if window == "lifetime":
        return Interval(None, True, T, has_t)
    if found := re.fullmatch(r"(\d+)([smhdw])(?: offset (\d+)([smhdw]))?", window):
        end = T - timedelta(seconds=int(found[3] or 0) * _UNITS[found[4] or "s"])
        start = end - timedelta(seconds=int(found[1]) * _UNITS[found[2]])
        return Interval(start, closed in ("left", "both"), end, has_t)
    begin = start_of(window.removeprefix("previous "), T)
    if window.startswith("previous "):
        return Interval(start_of(window.removeprefix("previous "), begin - timedelta(seconds=1)), True, begin, False)
    return Interval(begin, True, T, has_t)


def start_of(period: str, time: datetime) -> datetime:
    day = time.replace(hour=0, minute=0, second=0)
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}
    if period in month:
        return day.replace(month=month[period], day=1)
    return day - timedelta(days=day.weekday() if period == "week" else 0)


def column_of(time: datetime) -> int:
    return (time - FIRST_DAY).days


def head() -> list[str]:
    """The lines of the months, of the rows (two at one time below each other), and of the time."""
    months, axis = [" "] * DAYS, ["─"] * DAYS
    for month in (1, 2, 3):
        at = column_of(datetime(2024, month, 1, tzinfo=UTC))
        months[at : at + 8] = f"{datetime(2024, month, 1):%b %Y}"
        axis[at] = "┬"
    months[column_of(T)], axis[column_of(T)], axis[-1] = "t", "╥", "▶"
    lines: list[list[str]] = []
    for name, time in ROWS.items():
        line = next((each for each in lines if each[column_of(time)] == " "), None)
        if line is None:
            lines.append(line := [" "] * DAYS)
        line[column_of(time)] = name
    rows = [("rows" if not number else "").ljust(LABEL) + "".join(line) for number, line in enumerate(lines)]
    return [line.rstrip() for line in (" " * LABEL + "".join(months), " " * LABEL + "".join(axis), *rows)]


def drawn(label: str) -> str:
    """The line of a window: its ends, and the rows that count. An end stands beside a row that counts, and on one that does not."""
    found = interval(*window_of(label))
    line = [" "] * (DAYS + 2)
    start = -1 if found.start is None else max(-1, column_of(found.start) - found.has_start)
    end = column_of(found.end) + found.has_end
    for at in range(max(0, start), end):
        line[at] = "─"
    for name, time in ROWS.items():
        if found.holds(time) and column_of(time) >= 0 and line[column_of(time)] in " ─":
            line[column_of(time)] = name
    if start >= 0:
        line[start] = "[" if found.has_start else "("
    line[end] = "]" if found.has_end else ")"
    return f"{label:{LABEL}}{''.join(line)}".rstrip()


def window_of(label: str) -> tuple[str, str]:
    window, closed = _WINDOW.fullmatch(label).groups()  # type: ignore[union-attr]
    return window, closed or "right"


def labels(picture: str) -> Iterator[str]:
    """The windows of a picture: the lines behind its head."""
    for line in picture.splitlines():
        if (label := line[:LABEL].strip()) and label != "rows":
            yield label


def pictures() -> list[str]:
    return [
        block for block in _PICTURE.findall(PAGE.read_text(encoding="utf-8")) if re.search("^rows", block, re.MULTILINE)
    ]


def test_the_pictures_show_the_windows(request: pytest.FixtureRequest) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = pictures()
    for picture in found:
        text = text.replace(picture, "\n".join([*head(), *map(drawn, labels(picture))]) + "\n")
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text
    shown = [window_of(label) for picture in found for label in labels(picture)]
    kinds = {"lifetime", *PERIODS, *(f"previous {period}" for period in PERIODS)}
    assert kinds <= {window for window, _ in shown}
    assert {closed for _, closed in shown} == {"right", "left", "both", "none"}
    assert any(" offset " in window for window, _ in shown)


def test_the_engine_counts_the_rows_of_the_pictures(tmp_path: Path) -> None:
    shown = list(dict.fromkeys(window_of(label) for picture in pictures() for label in labels(picture)))
    rows = [{"customer": 7, "time": time, "name": name} for name, time in ROWS.items()]
    features = [
        {
            "name": f"f{number}",
            "function": "first_k",
            "column": "name",
            "k": 20,
            "order_by": "name",
            "windows": [window],
        }
        | {"closed": closed}
        for number, (window, closed) in enumerate(shown)
    ]
    found = computed(tmp_path, rows, {"keys": "customer", "timestamp_col": "time", "features": features})
    [at_t] = [row for row in found if row["name"] == "h"]
    values = list(at_t.values())[3:]
    for (window, closed), counted in zip(shown, values, strict=True):
        assert counted == [name for name, time in ROWS.items() if interval(window, closed).holds(time)], (
            window,
            closed,
        )


def computed(folder: Path, rows: list[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
    from feature_platform_py import SparkSessionManager

    spark = SparkSessionManager().get_session()
    table = pyarrow.Table.from_pylist(rows)
    pyarrow.parquet.write_table(table, folder / "rows.parquet")
    frame = get_transformer("WindowAggregator", params).apply(spark.read.parquet(str(folder / "rows.parquet")))
    result: list[dict[str, Any]] = frame.toArrow().to_pylist()
    return result


def test_the_python_example_prints_what_the_page_shows(
    project: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found[1], str(PAGE), "exec"), {})
    shown = printed.getvalue().strip() + "\n"
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text[: found.start(2)] + shown + text[found.end(2) :], encoding="utf-8")
    else:
        assert shown == found[2]


def test_the_job_adds_the_columns_that_the_page_names(project: Path, fpjob: Fpjob) -> None:
    text = PAGE.read_text(encoding="utf-8")
    [job] = re.findall(r"^```yaml\n(job_name: .+?)^```$", text, re.DOTALL | re.MULTILINE)
    [named] = re.findall(r"^This job adds (.+?)\.$", text, re.DOTALL | re.MULTILINE)
    (project / "job.yaml").write_text(job)
    outcome = fpjob("run", "job.yaml")
    assert outcome.status == 0, outcome.stderr
    schema = pyarrow.parquet.read_schema(next((project / "output/customer_windows").glob("*.parquet")))
    assert schema.names[8:] == re.findall(r"`(\w+)`", named)


def test_the_page_names_every_key_function_and_window() -> None:
    named = set(re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8")))
    assert set(FUNCTIONS) - named == set()
    assert {"right", "left", "both", "none"} - named == set()
    assert set(parameters()) - named == set()


def parameters() -> Iterator[str]:
    """The keys of the transformer's parameters, of its features, and of what these hold."""
    known = job_json_schema()["properties"]["feature_transformers"]["items"]["oneOf"]
    [params] = [
        each["properties"]["params"] for each in known if each["properties"]["name"]["enum"] == ["WindowAggregator"]
    ]
    waiting = [params]
    while waiting:
        schema = waiting.pop()
        yield from schema.get("properties", {})
        inner = [*schema.get("properties", {}).values(), schema.get("items", {}), *schema.get("anyOf", ())]
        waiting += [each for each in inner if isinstance(each, dict) and each]
