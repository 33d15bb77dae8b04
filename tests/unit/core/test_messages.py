"""The one protocol of macros, adapter and runner: codes decide, texts do not, and values in a text never are a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_platform_py.core.messages import (
    FAULTS,
    LOGGED_BY_MACROS,
    RAISED_BY_SQL,
    Code,
    Message,
    decode_event,
    encode_event,
    fault,
    mark,
    read_mark,
)
from tests.conftest import ROOT

PACKAGE = ROOT / "feature_platform_py"
PLAIN = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda part: st.lists(part, max_size=3))


@given(st.sampled_from(Code), st.dictionaries(st.text().filter(lambda name: name != "code"), PLAIN, max_size=4))
def test_an_event_is_read_as_it_was_written(code: Code, fields: dict[str, object]) -> None:
    line = encode_event(Message(code, fields))
    assert "\n" not in line
    assert decode_event(line) == Message(code, fields)


@given(st.sampled_from(sorted(RAISED_BY_SQL)), st.text())
def test_the_code_of_a_marked_text_decides_whatever_the_text_says(code: Code, text: str) -> None:
    assert read_mark(mark(fault(code, text))) == fault(code, text)


@given(st.text(min_size=1), st.sampled_from(Code), st.text())
def test_a_message_within_a_text_is_not_one(before: str, code: Code, text: str) -> None:
    message = fault(code, text)
    for quoted in (encode_event(message), mark(message)):
        assert decode_event(before + quoted) is None or before.startswith("fp:")
        assert read_mark(before + quoted) is None or before.startswith("[FP_")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "fp:",
        "fp:hello",
        "fp:{}",
        "fp:[]",
        "fp:17",
        'fp:"source_fault"',
        'fp:{"code": "unheard_of"}',
        'fp:{"code": ["source_fault"]}',
        'fp:{"code": "source_fault"',
        ' fp:{"code": "source_fault"}',
        'FP:{"code": "source_fault"}',
        '{"code": "source_fault"}',
        'feature table: {"action": "skip"}',
        "failed test `a`: b: 1",
    ],
)
def test_other_lines_are_no_events(line: str) -> None:
    assert decode_event(line) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[FP_AMOUNT_WITHOUT_ROOM]",
        "[FP_UNHEARD_OF] a",
        "[FP_SOURCE_FAULT] source `a`: only the adapter says so",
        " [FP_AMOUNT_WITHOUT_ROOM] a",
        "[fp_amount_without_room] a",
        "amounts of column `a`: expected sums of at most 38 digits",
    ],
)
def test_other_texts_are_not_marked(text: str) -> None:
    assert read_mark(text) is None


def test_a_writer_is_heard_only_with_its_own_codes() -> None:
    forged = encode_event(fault(Code.SOURCE_FAULT, "source `a`: said by a macro"))
    assert decode_event(forged, LOGGED_BY_MACROS) is None
    assert decode_event(forged, FAULTS) == fault(Code.SOURCE_FAULT, "source `a`: said by a macro")


def test_each_code_has_its_writers() -> None:
    assert set(Code) == LOGGED_BY_MACROS | FAULTS
    assert not LOGGED_BY_MACROS & FAULTS
    assert RAISED_BY_SQL <= FAULTS


def written_by_macros(macro: str) -> set[str]:
    """The codes that the project's SQL calls a macro with."""
    files = [
        *(ROOT / "macros").rglob("*.sql"),
        *(ROOT / "tests" / "dbt").rglob("*.sql"),
        *(ROOT / "models").rglob("*.sql"),
    ]
    return {code for file in files for code in re.findall(rf"(?<!\w){macro}\('([^']*)'", file.read_text())}


def test_macros_write_all_of_their_codes_and_no_others() -> None:
    assert written_by_macros("_log_event") == LOGGED_BY_MACROS
    assert written_by_macros("_raise_fault") == RAISED_BY_SQL


def test_the_adapter_writes_all_faults() -> None:
    """It passes on the codes that SQL raises, and names the others."""
    text = "".join(path.read_text() for path in (PACKAGE / "adapter").rglob("*.py"))
    assert {Code[name] for name in re.findall(r"\bCode\.(\w+)", text)} | RAISED_BY_SQL == FAULTS


def test_every_code_is_read_somewhere() -> None:
    text = "".join(path.read_text() for folder in ("jobs", "runs") for path in (PACKAGE / folder).rglob("*.py"))
    # A fault that nothing reads by name is said as it is.
    said_as_it_is = {Code.SOURCE_FAULT, Code.TIME_OUTSIDE_CALENDAR}
    together = RAISED_BY_SQL if "RAISED_BY_SQL" in text else frozenset()
    assert {Code[name] for name in re.findall(r"\bCode\.(\w+)", text)} | together | said_as_it_is == set(Code)


def sources() -> Iterator[Path]:
    yield from (path for path in PACKAGE.rglob("*.py") if path.name != "messages.py")
    yield from (ROOT / "macros").rglob("*.sql")


def test_only_one_module_and_two_macros_know_how_a_message_is_written() -> None:
    writers = {
        path.relative_to(ROOT).as_posix() for path in sources() if re.search(r"fp:['\"{]|\[FP_", path.read_text())
    }
    assert writers == {"macros/messages/log_event.sql", "macros/messages/raise_fault.sql"}
    written = json.loads(encode_event(Message(Code.FAILED_TEST_ROW, {"test": "a"})).removeprefix("fp:"))
    assert written == {"code": "failed_test_row", "test": "a"}
