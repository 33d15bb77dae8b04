"""What macros, the adapter and the runner tell each other. A message's code decides what it means; its text is for people.

An *event* is a debug line of dbt's log, `fp:{"code": "feature_table_work", ...}`. Macros write it with `_log_event`, the adapter
with its logger. Only what begins with `fp:` is an event, so that values in a line never are.

A *marked text* is what SQL raises with the macro `_raise_fault`, `[FP_AMOUNT_WITHOUT_ROOM] amounts of column ...`: an engine passes on
nothing but text. Only a mark at its beginning counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

_EVENT = "fp:"
_MARK = re.compile(r"\[FP_([A-Z_]+)\] ")


class Code(StrEnum):
    """What a message says."""

    # Macros log these. The fields are those of `TableWork`, and the `test` with a row's `values`; the last is about its own node.
    FEATURE_TABLE_WORK = "feature_table_work"
    FAILED_TEST_ROW = "failed_test_row"
    TEST_UNCHANGED = "test_unchanged"
    # The adapter logs these before it raises an error. The field `text` says what is wrong with the data.
    SOURCE_FAULT = "source_fault"
    SOURCE_CHANGED = "source_changed"
    TIME_OUTSIDE_CALENDAR = "time_outside_calendar"
    # SQL raises these as marked texts; the adapter logs them too.
    AMOUNT_WITHOUT_ROOM = "amount_without_room"
    TWO_VERSIONS = "two_versions"


LOGGED_BY_MACROS = frozenset({Code.FEATURE_TABLE_WORK, Code.FAILED_TEST_ROW, Code.TEST_UNCHANGED})
RAISED_BY_SQL = frozenset({Code.AMOUNT_WITHOUT_ROOM, Code.TWO_VERSIONS})
# The data is at fault, not the engine.
FAULTS = frozenset(Code) - LOGGED_BY_MACROS


@dataclass(frozen=True)
class Message:
    """A code with its fields, which are plain data."""

    code: Code
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What a fault says to people."""
        return str(self.fields.get("text", ""))


def fault(code: Code, text: str) -> Message:
    """Return the message of a fault of the data."""
    return Message(code, {"text": text})


def encode_event(message: Message) -> str:
    """Return the line of the log that is the event."""
    return _EVENT + json.dumps({**message.fields, "code": message.code})


def decode_event(line: str, codes: Collection[Code] = frozenset(Code)) -> Message | None:
    """Return the event that a whole line of the log is, if its code is one of those that the line's writer may use."""
    if not line.startswith(_EVENT):
        return None
    try:
        told = json.loads(line.removeprefix(_EVENT))
        message = Message(Code(told.pop("code")), told)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return message if message.code in codes else None


def mark(message: Message) -> str:
    """Return a fault's text with its mark, as SQL raises it."""
    return f"[FP_{message.code.upper()}] {message.text}"


def read_mark(text: str) -> Message | None:
    """Return the fault that a text raised by SQL begins with the mark of; None for any other text."""
    found = _MARK.match(text)
    codes = {code.upper(): code for code in RAISED_BY_SQL}
    return fault(codes[found[1]], text[found.end() :]) if found and found[1] in codes else None
