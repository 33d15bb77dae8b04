"""Patterns of dates and times as Spark and Java write them: the usual letters, each with a number of digits."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from feature_platform_py.core.suggestions import printable, ticked

if TYPE_CHECKING:
    import pyarrow as pa

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LETTERS = {
    "yyyy": r"(?P<year>\d{4})", "uuuu": r"(?P<year>\d{4})", "yy": r"(?P<short_year>\d{2})",
    "MM": r"(?P<month>\d{2})", "M": r"(?P<month>\d{1,2})", "MMM": r"(?P<name>[A-Z][a-z]{2})",
    "dd": r"(?P<day>\d{2})", "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})", "H": r"(?P<hour>\d{1,2})", "mm": r"(?P<minute>\d{2})", "ss": r"(?P<second>\d{2})",
    "S": r"(?P<fraction>\d{1,6})",
    "X": r"(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)", "XX": r"(?P<zone>Z|[+-]\d{4})", "XXX": r"(?P<zone>Z|[+-]\d{2}:\d{2})",
    "Z": r"(?P<zone>[+-]\d{4})", "x": r"(?P<zone>[+-]\d{2}(?::?\d{2})?)", "xxx": r"(?P<zone>[+-]\d{2}:\d{2})",
}  # fmt: skip
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)


class DatePattern:
    """A pattern such as `dd.MM.yyyy HH:mm`. Raises ValueError for letters that are not supported."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.regex, self.names = _compiled(text)

    def rewritten(self, texts: pa.Array) -> pa.Array:
        """Return the texts as ISO dates or times; texts that do not fit the pattern become invalid ones."""
        from pyarrow import compute

        parts = compute.extract_regex(texts, self.regex)
        found = {name: compute.struct_field(parts, name) for name in self.names}
        missing = compute.and_(compute.is_null(parts), compute.is_valid(texts))
        iso = compute.if_else(missing, "?", self._iso(found))
        return compute.if_else(compute.is_valid(texts), iso, None)

    def _iso(self, found: dict[str, pa.Array]) -> pa.Array:
        from pyarrow import compute

        year = found["year"] if "year" in found else compute.binary_join_element_wise("20", found["short_year"], "")
        date = compute.binary_join_element_wise(year, self._month(found), _padded(found["day"]), "-")
        if "hour" not in found:
            return date
        time = [_padded(found["hour"]), found.get("minute", "00"), found.get("second", "00")]
        text = compute.binary_join_element_wise(date, compute.binary_join_element_wise(*time, ":"), " ")
        if "fraction" in found:
            text = compute.binary_join_element_wise(text, found["fraction"], ".")
        return compute.binary_join_element_wise(text, found["zone"], "") if "zone" in found else text

    def _month(self, found: dict[str, pa.Array]) -> pa.Array:
        import pyarrow as pa
        from pyarrow import compute

        if "month" in found:
            return _padded(found["month"])
        position = compute.index_in(found["name"], pa.array(_MONTHS))
        numbers = pa.array([f"{number:02}" for number in range(1, 13)])
        return compute.coalesce(numbers.take(position), "??")


def _padded(digits: pa.Array) -> pa.Array:
    from pyarrow import compute

    return compute.utf8_lpad(digits, 2, "0")


@lru_cache
def _compiled(text: str) -> tuple[str, tuple[str, ...]]:
    regex, names = "", list[str]()
    for match in _TOKEN.finditer(text):
        literal, letter, other = match.groups()
        letters = match[0]
        if letter is None:
            regex += re.escape((literal.replace("''", "'") or "'") if literal is not None else other)
            continue
        letters = "S" if set(letters) == {"S"} and len(letters) <= 9 else letters
        if letters not in _LETTERS:
            raise ValueError(
                f"expected a pattern of {ticked(_LETTERS)}, or one of {ticked(EPOCHS)}, given `{printable(text)}`, whose"
                f" `{printable(match[0])}` is not supported; read the column as a string"
            )
        part = _LETTERS[letters]
        if letters == "S":
            part = part.replace("1,6", str(len(match[0])) if len(match[0]) > 1 else "1,6")
        regex += part
        names.append(re.findall(r"\?P<(\w+)>", part)[0])
    if not {"day"} <= set(names) or not {"year", "short_year"} & set(names) or not {"month", "name"} & set(names):
        raise ValueError(
            f"expected a pattern with year, month and day, such as `dd.MM.yyyy`, given `{printable(text)}`"
        )
    if len(set(names)) < len(names):
        raise ValueError(f"expected a pattern that names each part once, given `{printable(text)}`")
    return f"^{regex}$", tuple(names)
