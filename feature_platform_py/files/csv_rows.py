"""Read the rows of CSV files: columns by the header, types as declared or inferred from every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import Columns, kind_of
from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.files.columns import BadValue, Reading, Readings, bad_value, shown
from feature_platform_py.files.csv_text import Block, Dialect, blocks
from feature_platform_py.files.folder import DataFile
from feature_platform_py.files.guesses import Guess
from feature_platform_py.files.options import TextOptions
from feature_platform_py.files.values import arrow_type, cast_texts

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Texts:
    """Rows of one file as text, by the names of its columns; they follow `skipped` records of `block`."""

    table: pa.Table
    block: Block
    skipped: int

    def line(self, row: int) -> int:
        """Return the physical line on which a row starts."""
        records = self.block.records()
        return next(islice(records, row + self.skipped, None))[0]


class CsvRows:
    """The rows of the files of one source.

    `declared` are the (name, type) columns of the table. All of them must exist, and other columns are then
    text. Without them types are found out. `readings` say more of the files' columns, by their names there.
    """

    def __init__(
        self, location: Path, files: Sequence[DataFile], options: TextOptions, *, declared: Columns, readings: Readings
    ) -> None:
        self._location = location
        self._files = files
        self._options = options
        self._dialect = options.dialect
        self._header = self._common_header()
        names = [*self._header, *files[0].partition]
        self.readings = self._resolved(names, declared, readings)
        formats = options.date_format, options.time_format
        self._guesses = {name: Guess(*formats) for name, reading in self.readings.items() if reading.type is None}

    def parts(self) -> Iterator[Texts]:
        """Yield all rows as text columns, by their names in the files."""
        for file in self._files:
            skipped = int(self._dialect.header)
            for block in blocks(file.path, self._dialect):
                table = block.table(len(self._header)).slice(skipped).rename_columns(self._header)
                yield Texts(_with_partition(table, file.partition), block, skipped)
                skipped = 0

    def typed(self, texts: Texts, readings: Mapping[str, Reading]) -> pa.Table:
        """Return the rows with the types of the readings. Raises DataCheckError for the first values that do not fit."""
        import pyarrow as pa

        columns, faults = {}, list[tuple[int, str, BadValue]]()
        for name, reading in readings.items():
            columns[reading.rename or name], bad = cast_texts(_chunk(texts.table[name]), reading)
            if bad:
                faults.append((bad.row, name, bad))
        if faults:
            raise DataCheckError("\n".join(self._fault_lines(texts, faults, readings)))
        return pa.table(columns)

    def _fault_lines(
        self, texts: Texts, faults: list[tuple[int, str, BadValue]], readings: Mapping[str, Reading]
    ) -> Iterator[str]:
        """Yield up to five bad values of these rows in their order, at most one per column."""
        found = list[tuple[int, str, BadValue]]()
        for row, name, bad in faults:
            found.append((row, name, bad))
            rest = row + 1
            while len(found) < 5 * len(faults) and rest < texts.table.num_rows:
                following = cast_texts(_chunk(texts.table[name]).slice(rest), readings[name])[1]
                if following is None:
                    break
                found.append((rest + following.row, name, following))
                rest += following.row + 1
        for row, name, bad in sorted(found, key=lambda each: each[0])[:5]:
            yield bad_value(texts.block.file, texts.line(row), name, bad)

    def _common_header(self) -> list[str]:
        """Return the column names, on which all files must agree; a file with neither header nor row has none."""
        headers = {file.path: _header(file.path, self._dialect) for file in self._files}
        filled = {path: header for path, header in headers.items() if header}
        if not filled:
            first_file = self._files[0].path
            raise ConfigurationError(f"{shown(first_file)}: expected a header with distinct names, given []")
        first_file, first = next(iter(filled.items()))
        for path, header in filled.items():
            if header != first:
                raise ConfigurationError(
                    f"{shown(path)}: expected the header of `{shown(first_file)}`, {first}, given {header}"
                    if self._dialect.header
                    else f"{shown(path)}:1: the row has {len(header)} fields. Expected {len(first)}, as in `{shown(first_file)}`"
                )
        names = [*first, *self._files[0].partition]
        if len({name.lower() for name in names}) < len(names):
            raise ConfigurationError(f"{shown(first_file)}: expected a header with distinct names, given {names}")
        return first

    def _resolved(self, names: Sequence[str], declared: Columns, readings: Readings) -> dict[str, Reading]:
        """Return how each column of the files is read, in their order."""
        if declared and not self._dialect.header:
            names_of = dict(zip(names, (name for name, _ in declared), strict=False))
        else:
            names_of = {name: readings[name].rename or name if name in readings else name for name in names}
        self._check_there(names, names_of, declared, readings)
        types = {name.lower(): data_type for name, data_type in declared}
        found = {}
        for name in names:
            reading = readings.get(name, Reading())
            target = names_of.get(name, name)
            rest = "string" if declared or not self._options.infers else None
            data_type = reading.type or types.get(target.lower(), rest)
            pattern = reading.format or self._pattern_of(data_type)
            found[name] = Reading(data_type, pattern, reading.decimal, reading.group, target)
        return found

    def _pattern_of(self, data_type: str | None) -> str | None:
        kind = kind_of(data_type or "string")
        if kind == "date":
            return self._options.date_format
        return self._options.time_format if kind == "timestamp" else None

    def _check_there(
        self, names: Sequence[str], names_of: Mapping[str, str], declared: Columns, readings: Readings
    ) -> None:
        there = {name.lower() for name in names_of.values()}
        listed, file = ", ".join(f"`{name}`" for name in names), shown(self._location)
        missing = [name for name, _ in declared if name.lower() not in there]
        missing += [name for name in readings if name not in names]
        problems = [
            f"{file}: column `{name}` is declared, but the header lacks it. Existing columns: {listed}"
            for name in dict.fromkeys(missing)
        ]
        targets = [target.lower() for target in names_of.values()]
        problems += [
            f"{file}: two columns would be called `{name}`; rename one of them differently"
            for name in dict.fromkeys(target for target in targets if targets.count(target) > 1)
        ]
        if problems:
            raise ConfigurationError("\n".join(problems))

    def learn(self, part: Texts) -> None:
        """Let these rows decide on the inferred types."""
        for name, guess in self._guesses.items():
            guess.add(_chunk(part.table[name]))

    def types(self) -> dict[str, Reading]:
        """Return how each column is read, with types that fit the rows so far; a column without a value is text."""
        found = {}
        for name, reading in self.readings.items():
            data_type = reading.type or self._guesses[name].type or "string"
            pattern = reading.format or self._pattern_of(data_type)
            found[name] = Reading(data_type, pattern, reading.decimal, reading.group, reading.rename)
        return found

    def finish(self) -> None:
        """Do nothing: the header had all columns."""

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        import pyarrow as pa

        return pa.table(
            {each.rename: pa.array([], arrow_type(each.type or "string")) for each in self.types().values()}
        )


def _header(file: Path, dialect: Dialect) -> list[str]:
    """Return the names in a file's first record, or names by position; none for a file without a record."""
    first = next(blocks(file, dialect), None)
    record = next(first.records(), (1, []))[1] if first else []
    return [name if dialect.header and name else f"_c{position}" for position, name in enumerate(record)]


def _with_partition(table: pa.Table, partition: Mapping[str, str | None]) -> pa.Table:
    import pyarrow as pa

    for name, value in partition.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), table.num_rows))
    return table


def _chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
