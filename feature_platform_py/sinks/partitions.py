"""Which columns can be the folders of a sink, and which of their values a folder's name can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from feature_platform_py.core.data_types import Columns, parse_type
from feature_platform_py.core.errors import DataCheckError, SinkError
from feature_platform_py.core.sql_text import literal, quoted
from feature_platform_py.core.suggestions import printable, ticked

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"

# Spark writes these as %XX into the name of a folder, and other readers take a column's name there as it stands.
_ENCODED_BY_SPARK = re.compile("[\\x00-\\x1f\\x7f\"#%'*/:=?\\\\{}\\[\\]^]")
FOLDER_KINDS = frozenset({"boolean", "integer", "string", "date"})


@dataclass(frozen=True)
class PartitionRule:
    """Which columns can be the folders of a sink: kinds of type, in words too, and prefixes of names that readers skip.

    A decimal makes a folder only without a fraction.
    """

    kinds: frozenset[str]
    expected: str
    skipped_prefixes: tuple[str, ...] = ()

    def fault(self, name: str, dtype: str | None) -> str | None:
        """Return why a column cannot be in `partition_by`, None if it can; a type of None is not known yet."""
        if found := _ENCODED_BY_SPARK.search(name):
            return f"the name of a partition column cannot have `{printable(found[0])}`; choose another column"
        if name.startswith(self.skipped_prefixes):
            return f"readers of Parquet skip folders whose name starts with `{name[0]}`; choose another column"
        if dtype is None or self._takes(dtype):
            return None
        return f"column `{printable(name)}` is {dtype}; expected {self.expected}, such as the date of a time"

    def _takes(self, dtype: str) -> bool:
        try:
            found = parse_type(dtype)
        except ValueError:
            return False
        return found.kind in self.kinds and not found.scale


def unwritable_values(columns: Columns, names: Sequence[str]) -> Mapping[str, str]:
    """Return a SQL condition for each kind of value that would be another one, or none, when read back."""
    types = dict(columns)
    conditions = {}
    for name in names:
        column, kind = quoted(name), parse_type(types[name]).kind
        if kind == "string":
            conditions[f"an empty text in `{name}`, which would read back as NULL"] = f"{column} = ''"
            conditions[f"a text too long for the name of a folder in `{name}`"] = _too_long(name)
            conditions[f"`{NULL_FOLDER}` in `{name}`, which means NULL"] = f"{column} = {literal(NULL_FOLDER)}"
        elif kind == "date":
            condition = f"year({column}) not between 1 and 9999"
            conditions[f"a date outside of the years 1 to 9999 in `{name}`, which most readers cannot hold"] = condition
    return conditions


def _too_long(name: str) -> str:
    """Return the condition that `name=value` has more than 255 bytes, of which each special character takes three."""
    column = quoted(name)
    plain = f"length(regexp_replace({column}, '[^A-Za-z0-9._~-]', ''))"
    return f"3 * octet_length({column}) - 2 * {plain} > {254 - len(name.encode())}"


def counting(conditions: Iterable[str]) -> list[str]:
    """Return the SQL columns that count the rows which meet each condition."""
    return [f"count(case when {each} then 1 end) as count_{number}" for number, each in enumerate(conditions)]


def check_values(found: Mapping[str, int]) -> None:
    """Raise DataCheckError if there are rows with a value that `unwritable_values` describes."""
    faults = [f"{what} ({rows:,} rows)" for what, rows in found.items() if rows]
    if faults:
        raise DataCheckError(
            f"output_sink.partition_by: {'; '.join(faults)}. Change these values in the source, or take the column out of"
            " `partition_by`. The sink is as it was"
        )


def check_same_layout(path: str, folder: Path, names: Sequence[str]) -> None:
    """Raise SinkError if the Parquet files below a folder are in the folders of other columns than `names`."""
    file = next(folder.rglob("*.parquet"), None)
    there = [] if file is None else _folder_columns(file.relative_to(folder))
    if file is not None and there != list(names):
        raise SinkError(
            f"output_sink: cannot append to `{path}`, it is partitioned by {_listed(there)}, and `partition_by` says"
            f" {_listed(names)}; make them equal, overwrite it or name another path"
        )


def _folder_columns(file: Path) -> list[str]:
    return [unquote(part.partition("=")[0]) for part in file.parts[:-1] if "=" in part]


def _listed(names: Sequence[str]) -> str:
    return ticked(names) if names else "nothing"
