"""Read CSV files as Arrow tables of text: whole records, checked quotes, and the same number of fields in each row.

Arrow's parser splits the records. It accepts an open quote at the end of a file and text behind a closing quote, which
turn many rows into one value. The quotes are therefore checked first.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files.columns import shown
from feature_platform_py.files.text import text_chunks

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_RECORD = 256 * 1024 * 1024
# Characters that replace a separator or a line break of several characters while Arrow reads.
_STAND_INS = (0x1F, 0x1E, 0x1D, 0x1C)
StandIns = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written; names are those of Spark's options."""

    sep: str = ","
    quote: str = '"'
    escape: str = ""
    comment: str = ""
    header: bool = False
    encoding: str = "utf-8-sig"
    compression: str | None = None
    line_sep: str = ""
    null_value: str = ""
    empty_value: str = ""
    allow_truncated_rows: bool = False
    trim_left: bool = False
    trim_right: bool = False


@dataclass(frozen=True)
class Block:
    """Whole records of one file, and the physical line on which they start."""

    file: Path
    line: int
    data: bytes
    dialect: Dialect
    delimiter: bytes
    stand_ins: StandIns

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with the line on which it starts; slow, for headers and for errors."""
        csv.field_size_limit(2**31 - 1)
        quote = self.dialect.quote
        reader = csv.reader(
            io.StringIO(self.data.decode(), newline=""),
            delimiter=self.delimiter.decode(),
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
        line = self.line
        for record in reader:
            if record:
                yield line, [self.restore(value) for value in record]
            line = self.line + reader.line_num

    def restore(self, value: str) -> str:
        """Return the value with its original characters."""
        for text, stand_in in self.stand_ins:
            value = value.replace(stand_in.decode(), text.decode())
        return value

    def table(self, width: int) -> pa.Table:
        """Return the records as text columns. Raises DataCheckError for the first row without exactly `width` fields."""
        import pyarrow as pa
        from pyarrow import csv as arrow

        names = [str(number) for number in range(width)]
        try:
            table = arrow.read_csv(
                pa.py_buffer(self.data),
                read_options=arrow.ReadOptions(column_names=names, block_size=max(len(self.data) + 1, 1024)),
                parse_options=arrow.ParseOptions(
                    delimiter=self.delimiter.decode(),
                    quote_char=self.dialect.quote or False,
                    newlines_in_values=True,
                ),
                convert_options=arrow.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=not (self.dialect.null_value or self.dialect.empty_value),
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid as error:
            table = self._uneven(width, str(error))
        return self._finished(table)

    def _finished(self, table: pa.Table) -> pa.Table:
        """Return the texts as they were written, with NULL for those that mean it."""
        from pyarrow import compute

        columns = list(table.columns)
        for text, stand_in in self.stand_ins:
            columns = [compute.replace_substring(each, stand_in.decode(), text.decode()) for each in columns]
        if self.dialect.empty_value:
            columns = [compute.if_else(compute.equal(each, ""), self.dialect.empty_value, each) for each in columns]
        if null := self.dialect.null_value:
            columns = [compute.if_else(compute.equal(each, null), None, each) for each in columns]
        return table.from_arrays(columns, names=table.column_names)

    def _uneven(self, width: int, reason: str) -> pa.Table:
        """Return short rows filled up if that is allowed; otherwise raise an error that names the first uneven row."""
        import pyarrow as pa

        rows = []
        for line, record in self.records():
            is_short = len(record) < width and self.dialect.allow_truncated_rows
            if len(record) != width and not is_short:
                raise DataCheckError(
                    f"{shown(self.file)}:{line}: the row has {len(record)} fields. Expected {width}; a value that holds"
                    f" `{self.dialect.sep}` needs quotes around it"
                )
            rows.append([value or None for value in record] + [None] * (width - len(record)))
        if not self.dialect.allow_truncated_rows:
            raise DataCheckError(f"{shown(self.file)}:{self.line}: expected CSV, given what does not parse: {reason}")
        return pa.Table.from_arrays(
            [pa.array(column, pa.string()) for column in zip(*rows, strict=True)],
            names=[str(number) for number in range(width)],
        )


def blocks(file: Path, dialect: Dialect) -> Iterator[Block]:
    """Yield the file's records in blocks of some megabytes, each of whole records.

    Raises DataCheckError for text in another encoding, and for quotes that do not delimit values.
    """
    pending, line, wanted = bytearray(), 1, 0
    for chunk, is_last in _with_last(text_chunks(file, encoding=dialect.encoding, compression=dialect.compression)):
        pending += chunk
        if len(pending) < wanted and not is_last:
            continue
        raw = bytes(pending) + (dialect.line_sep.encode() or b"\n" if is_last else b"")
        data, delimiter, stand_ins = _stood_in(raw, dialect, file)
        data = _trimmed(data, dialect, delimiter)
        quotes = _Quotes(data, dialect, delimiter)
        if (fault := quotes.fault(is_last=is_last)) is not None:
            raise DataCheckError(_misquoted(file, line + _lines(data[:fault]), dialect))
        end = quotes.end_of_records()
        if end == 0 and len(data) > LONGEST_RECORD:
            raise DataCheckError(_misquoted(file, line, dialect))
        # Read twice as much next time, so that repeated work stays in proportion.
        wanted = 0 if end else 2 * len(pending)
        whole = data[:end]
        records = _plain(whole, dialect, delimiter)
        # Copy the block only if it may consist of blank lines.
        if records and not (records.isspace() and not records.strip(b"\r\n")):
            yield Block(file, line, records, dialect, delimiter, stand_ins)
        line += _lines(whole)
        pending = bytearray(_undone(data[end:], dialect, stand_ins))


def _misquoted(file: Path, line: int, dialect: Dialect) -> str:
    quote = dialect.quote
    return (
        f"{shown(file)}:{line}: a value starts with `{quote}`. Expected `{quote}` and then `{dialect.sep}` or a new line at its end,"
        f' and `{quote}{quote}` for a quote inside it; for files without quoting give the option `quote: ""`'
    )


class _Quotes:
    """Finds the quotes of a block that delimit values, and the end of its last whole record."""

    def __init__(self, data: bytes, dialect: Dialect, delimiter: bytes) -> None:
        self._quote = dialect.quote.encode()
        self._delimiter = delimiter
        special = [each.encode() for each in (dialect.escape, dialect.comment) if each]
        self._set(data)
        if any(each in data for each in special) or (self._quote and self._misplaced() is not None):
            fields = _fields(dialect, delimiter)
            self._set(fields.sub(lambda match: _neutral(match, self._quote), data))

    def fault(self, *, is_last: bool) -> int | None:
        """Return the start of the first value whose quotes do not delimit it, or None."""
        misplaced = self._misplaced()
        is_open = is_last and len(self._positions) % 2 == 1
        return int(self._positions[-1]) if misplaced is None and is_open else misplaced

    def end_of_records(self) -> int:
        """Return the position after the last whole record, or 0."""
        if len(self._positions) == 0:
            return max(self._data.rfind(b"\n"), self._data.rfind(b"\r")) + 1
        import numpy as np

        breaks = np.flatnonzero((self._bytes == 10) | (self._bytes == 13))
        outside = breaks[np.searchsorted(self._positions, breaks) % 2 == 0]
        return int(outside[-1]) + 1 if len(outside) else 0

    def _set(self, data: bytes) -> None:
        import numpy as np

        self._data = data
        self._bytes = np.frombuffer(data, np.uint8)
        has_quotes = self._quote and self._quote in data
        self._positions = np.flatnonzero(self._bytes == self._quote[0]) if has_quotes else np.array([], np.int64)

    def _misplaced(self) -> int | None:
        """Return the start of the first value with text before its opening or behind its closing quote."""
        import numpy as np

        if len(self._positions) == 0:
            return None
        is_edge = np.zeros(256, bool)
        is_edge[list(self._delimiter + b"\r\n" + self._quote)] = True
        opening, closing = self._positions[0::2], self._positions[1::2]
        before = (opening > 0) & ~is_edge[self._bytes[opening - 1]]
        after = ~is_edge[self._bytes[np.minimum(closing + 1, len(self._bytes) - 1)]]
        # The fault is that of the value that the opening quote starts.
        found = np.concatenate([opening[before], opening[: len(closing)][after]])
        return int(found.min()) if len(found) else None


def _neutral(match: re.Match[bytes], quote: bytes) -> bytes:
    """Return a field or comment of the same length, without quotes and line breaks except those that delimit."""
    token = match[0]
    if match["open"]:
        return quote + b"x" * (len(token) - 1)
    if quote and token.startswith(quote):
        return quote + b"x" * (len(token) - 2) + quote
    return b"x" * len(token)


@lru_cache
def _fields(dialect: Dialect, delimiter: bytes) -> re.Pattern[bytes]:
    """Return a pattern of quoted fields, comments, and unquoted fields with a quote inside, each as a whole."""
    sep, parts = re.escape(delimiter), []
    start = rb"(?<![^" + sep + rb"\r\n])"
    if dialect.comment:
        parts.append(rb"(?<![^\r\n])" + re.escape(dialect.comment.encode()) + rb"[^\r\n]*+")
    if dialect.quote:
        quote, escape = re.escape(dialect.quote.encode()), re.escape(dialect.escape.encode())
        inner = rb"[^" + quote + escape + rb"]|" + quote + quote + (rb"|" + escape + rb"." if escape else b"")
        parts.append(start + quote + rb"(?:" + inner + rb")*+" + quote + rb"(?=[" + sep + rb"\r\n]|\Z)")
        parts.append(
            start + rb"(?P<open>" + quote + rb"(?:" + inner + rb")*+" + (escape + rb"?" if escape else b"") + rb"\Z)"
        )
        parts.append(start + rb"[^" + sep + quote + rb"\r\n]++" + quote + rb"[^" + sep + rb"\r\n]*+")
    parts = parts if dialect.quote else [*parts, rb"(?P<open>(?!))"]
    return re.compile(b"|".join(parts), re.DOTALL)


def _plain(data: bytes, dialect: Dialect, delimiter: bytes) -> bytes:
    """Return the records without comments, and with a quote inside a value written twice."""
    quote, escape, comment = (each.encode() for each in (dialect.quote, dialect.escape, dialect.comment))
    if not any(each and each in data for each in (escape, comment)):
        return data
    escaped = re.compile(re.escape(escape) + rb"([" + re.escape(escape) + re.escape(quote) + rb"])") if escape else None

    def plain(match: re.Match[bytes]) -> bytes:
        token = match[0]
        if comment and token.startswith(comment):
            return b""
        if escaped and quote and token.startswith(quote):
            return quote + escaped.sub(lambda found: found[1] * (1 + (found[1] == quote)), token[1:-1]) + quote
        return token

    return _fields(dialect, delimiter).sub(plain, data)


def _trimmed(data: bytes, dialect: Dialect, delimiter: bytes) -> bytes:
    """Return the data without blanks around fields if the dialect drops them; blanks in quotes stay."""
    if not (dialect.trim_left or dialect.trim_right):
        return data
    sep, quote = re.escape(delimiter), re.escape(dialect.quote.encode())
    start, end = rb"(?<![^" + sep + rb"\r\n])", rb"(?=[" + sep + rb"\r\n])"
    blanks = rb"[ \t]*+" if dialect.trim_left else b""
    kept = start + blanks + rb"(" + quote + rb"(?:[^" + quote + rb"]|" + quote + quote + rb")*+(?:" + quote + rb"|\Z))"
    parts = [kept] if quote else [rb"(?!)()"]
    parts += [start + rb"[ \t]++"] if dialect.trim_left else []
    parts += [rb"(?<![ \t])[ \t]++" + end] if dialect.trim_right else []
    return re.sub(b"|".join(parts), lambda match: match[1] or b"", data, flags=re.DOTALL)


def _stood_in(raw: bytes, dialect: Dialect, file: Path) -> tuple[bytes, bytes, StandIns]:
    """Return the data with one byte for each separator and one kind of line end, that separator, and the replacements."""
    sep, line_sep = dialect.sep.encode(), dialect.line_sep.encode()
    replaced = [sep] if len(sep) > 1 else []
    replaced += [each for each in (b"\n", b"\r") if line_sep and each != line_sep]
    if not replaced and not line_sep:
        return raw, sep, ()
    if used := [byte for byte in _STAND_INS if byte in raw]:
        raise DataCheckError(
            f"{shown(file)}: expected text without the control character \\x{used[0]:02x}, which the options `sep` and `lineSep`"
            " with such values need; remove it from the file, or write the file with `,` and usual line ends"
        )
    stand_ins = tuple((text, bytes([_STAND_INS[number]])) for number, text in enumerate(replaced))
    line_end, data = bytes([_STAND_INS[-1]]), raw
    if line_sep:
        data = data.replace(line_sep, line_end)
    for text, stand_in in stand_ins:
        data = data.replace(text, stand_in)
    if line_sep:
        data = data.replace(line_end, b"\n")
    return data, stand_ins[0][1] if len(sep) > 1 else sep, stand_ins


def _undone(data: bytes, dialect: Dialect, stand_ins: StandIns) -> bytes:
    """Return the data as before `_stood_in`."""
    if dialect.line_sep:
        data = data.replace(b"\n", dialect.line_sep.encode())
    for text, stand_in in stand_ins:
        data = data.replace(stand_in, text)
    return data


def _with_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    previous: bytes | None = None
    for chunk in chunks:
        if previous is not None:
            yield previous, False
        previous = chunk
    if previous is not None:
        yield previous, True


def _lines(data: bytes) -> int:
    lines = data.count(b"\n")
    return lines + data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else lines
