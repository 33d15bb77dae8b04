"""Infer the type of a column from all of its texts.

Identifiers keep their text: numbers with leading zeros or a plus sign are strings. Numbers keep their digits: whole numbers beyond
64 bits, and numbers with more digits than a double can distinguish, are decimals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import MAX_PRECISION
from feature_platform_py.files.columns import Reading
from feature_platform_py.files.patterns import DatePattern
from feature_platform_py.files.values import cast_texts

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGER = r"^(0|-?[1-9][0-9]*)$"
_FRACTION = r"^-?(0|[1-9][0-9]*)?\.[0-9]+$|^-?(0|[1-9][0-9]*)\.$"
_EXPONENT = r"^-?(0|[1-9][0-9]*)?(\.[0-9]*)?[eE][+-]?[0-9]+$"
_NOT_A_NUMBER = r"^(NaN|nan|-?[Ii]nf|-?Infinity)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_BOOLEAN = r"(?i)^(true|false)$"
# A double distinguishes all numbers of so many digits.
_DIGITS_OF_DOUBLE = 15
_DIGITS_OF_BIGINT = 18


@dataclass
class Guess:
    """The kinds of text in a column so far, and the digits of its numbers.

    With a pattern, only texts that fit it are dates or times. With `is_text`, no text is a number.
    """

    date_format: str | None = None
    time_format: str | None = None
    is_text: bool = False

    kinds: set[str] = field(default_factory=set)
    whole_digits: int = 0
    decimals: int = 0
    is_beyond_bigint: bool = False
    is_beyond_double: bool = False

    @property
    def type(self) -> str | None:
        """The Spark SQL type that holds every text; None if there was none."""
        kinds = self.kinds
        if not kinds:
            return None
        if len(kinds) == 1 and (plain := _PLAIN.get(next(iter(kinds)))):
            return plain
        if kinds == {"date", "time"}:
            return "timestamp"
        if kinds <= {"integer", "fraction", "exponent", "not a number"} and kinds != {"not a number"}:
            return self._number
        return "string"

    def add(self, texts: pa.Array) -> None:
        """Let the texts of some rows decide on the type."""
        if self.type == "string" and "string" in self.kinds:
            return
        texts = texts.drop_null()
        if len(texts) == 0:
            return
        for name, pattern in _kinds_from(texts[0].as_py(), self._known):
            texts = self._without(texts, name, pattern)
            if len(texts) == 0:
                return
        self.kinds.add("string")

    def time_reading(self, kind: str) -> tuple[str, str | None]:
        """Return the type of a kind of time, and its pattern."""
        return ("date", self.date_format) if kind == "date" else ("timestamp", self.time_format)

    @property
    def _known(self) -> list[tuple[str, str]]:
        """Return the kinds that a text may have, those with a declared pattern first."""
        given = {"date": self.date_format, "time": self.time_format}
        times = [(kind, DatePattern(pattern).regex) for kind, pattern in given.items() if pattern]
        plain = [each for each in (_TIMES if self.is_text else _ALL) if not given.get(each[0])]
        return [*times, *plain]

    def _without(self, texts: pa.Array, name: str, pattern: str) -> pa.Array:
        """Record the texts of a kind, and return the others."""
        from pyarrow import compute

        is_kind = compute.match_substring_regex(texts, pattern)
        if not compute.any(is_kind).as_py():
            return texts
        found = texts if compute.all(is_kind).as_py() else texts.filter(is_kind)
        if name in {"date", "time"} and not _holds(found, *self.time_reading(name)):
            self.kinds.add("string")
        self.kinds.add(name)
        if name in {"integer", "fraction", "exponent"}:
            self._note_digits(found, name)
        return texts.filter(compute.invert(is_kind))

    def _note_digits(self, texts: pa.Array, name: str) -> None:
        from pyarrow import compute

        longest = compute.max(compute.binary_length(texts)).as_py()
        if name == "integer" and longest <= _DIGITS_OF_BIGINT:
            self.whole_digits = max(self.whole_digits, longest)
            self.is_beyond_double |= longest > _DIGITS_OF_DOUBLE
            return
        if name == "exponent":
            self.is_beyond_double |= not _survives(texts) if longest > _DIGITS_OF_DOUBLE + 1 else False
            return
        digits = compute.replace_substring(texts, "-", "")
        point = compute.find_substring(digits, ".")
        length = compute.binary_length(digits)
        whole = compute.if_else(compute.less(point, 0), length, point)
        self.whole_digits = max(self.whole_digits, compute.max(whole).as_py())
        decimals = compute.max(compute.subtract(compute.subtract(length, whole), 1)).as_py()
        self.decimals = max(self.decimals, decimals)
        if name == "integer":
            self.is_beyond_double = True
            self.is_beyond_bigint |= not _holds(texts, "bigint")
        elif longest > _DIGITS_OF_DOUBLE + 1:
            self.is_beyond_double |= not _survives(texts)

    @property
    def _number(self) -> str:
        if self.kinds == {"integer"} and not self.is_beyond_bigint:
            return "bigint"
        if self.kinds != {"integer"} and not self.is_beyond_double:
            return "double"
        digits = max(1, self.whole_digits + self.decimals)
        # A decimal may not hold an exponent's digits, and never NaN or an infinity.
        is_decimal = self.kinds <= {"integer", "fraction"} and digits <= MAX_PRECISION
        return f"decimal({digits},{self.decimals})" if is_decimal else "string"


_PLAIN = {"string": "string", "date": "date", "time": "timestamp", "boolean": "boolean", "not a number": "string"}
_TIMES = (("date", _DATE), ("time", _TIME))
_ALL = (
    ("integer", _INTEGER),
    ("fraction", _FRACTION),
    *_TIMES,
    ("boolean", _BOOLEAN),
    ("exponent", _EXPONENT),
    ("not a number", _NOT_A_NUMBER),
)


def _kinds_from(text: str, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the kinds in the order in which to try them; none if the first text has none."""
    first = [each for each in known if re.search(each[1], text)]
    return [*first, *(each for each in known if each not in first)] if first else []


def _holds(texts: pa.Array, data_type: str, pattern: str | None = None) -> bool:
    return cast_texts(texts, Reading(data_type, format=pattern))[1] is None


def _survives(texts: pa.Array) -> bool:
    """Return whether the doubles, written out, are the same numbers as the texts."""
    from decimal import Decimal

    import pyarrow as pa
    from pyarrow import compute

    written = texts.cast(pa.float64()).cast(pa.string())
    others = compute.not_equal(written, texts)
    pairs = zip(texts.filter(others).to_pylist(), written.filter(others).to_pylist(), strict=True)
    return all(Decimal(text) == Decimal(double) for text, double in pairs)
