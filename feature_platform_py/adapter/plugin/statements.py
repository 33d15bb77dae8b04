"""The statements that change the catalog, done on the warehouse folder; all others go to the engine.

dbt, its packages and hooks speak SQL. Sail lacks some of that SQL (atomic `create or replace table`,
`alter table`, `truncate`), and none of it knows the warehouse's folder and catalog file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.server_catalog import ServerCatalog

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from feature_platform_py.warehouse.warehouse import Warehouse

_IDENTIFIER = r"(?:`(?:[^`]|``)+`|\w+)"
_NAME = rf"({_IDENTIFIER})\s*\.\s*({_IDENTIFIER})"
_FLAGS = re.IGNORECASE | re.DOTALL
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)

Action = Callable[["Warehouse", re.Match[str]], "int | None"]


def execute(warehouse: Warehouse | ServerCatalog, sql: str) -> tuple[DataFrame | None, int | None]:
    """Run one statement; return its result, None where it has none, and the rows that it changed."""
    body = _LEADING_COMMENTS.sub("", sql, count=1).strip().removesuffix(";").strip()
    if isinstance(warehouse, ServerCatalog):
        return _in_catalog_of_server(warehouse, body)
    for pattern, action in _CATALOG_STATEMENTS:
        if match := pattern.fullmatch(body):
            return None, action(warehouse, match)
    frame = warehouse.spark.sql(body)
    return frame, _after(warehouse, body)


def _in_catalog_of_server(catalog: ServerCatalog, body: str) -> tuple[DataFrame | None, int | None]:
    """Run a statement as it is; but the properties that a new table's columns need are not in its SQL."""
    if match := _REPLACE_TABLE.fullmatch(body):
        return None, catalog.write_table(
            _name(match), catalog.spark.sql(match[4]), partition_by=_partition_columns(match)
        )
    return catalog.spark.sql(body), None


def _after(warehouse: Warehouse, body: str) -> int | None:
    """Register a table that the engine has just created; count the rows that it has just changed."""
    if match := _CREATE_TABLE.match(body):
        warehouse.adopt(_name(match))
    if match := _CHANGE_ROWS.match(body):
        warehouse.follow_change_of_rows()
        return warehouse.committed_rows(_name(match))
    return None


def _name(match: re.Match[str], first_group: int = 1) -> TableName:
    return TableName(_unquoted(match[first_group]), _unquoted(match[first_group + 1]))


def _unquoted(identifier: str) -> str:
    return identifier[1:-1].replace("``", "`") if identifier.startswith("`") else identifier


def _replace_table(warehouse: Warehouse, match: re.Match[str]) -> int:
    return warehouse.write_table(_name(match), warehouse.spark.sql(match[4]), partition_by=_partition_columns(match))


def _partition_columns(match: re.Match[str]) -> list[str]:
    return [_unquoted(column) for column in re.findall(_IDENTIFIER, match[3] or "")]


def _create_view(warehouse: Warehouse, match: re.Match[str]) -> None:
    warehouse.create_view(_name(match), match[3])


def _drop(warehouse: Warehouse, match: re.Match[str]) -> None:
    warehouse.drop(_name(match))


def _rename(warehouse: Warehouse, match: re.Match[str]) -> None:
    warehouse.rename(_name(match), _name(match, 3))


def _truncate(warehouse: Warehouse, match: re.Match[str]) -> int | None:
    return execute(warehouse, f"delete from {_name(match)}")[1]  # noqa: S608


def _add_columns(warehouse: Warehouse, match: re.Match[str]) -> None:
    listed = match[3].removeprefix("(").removesuffix(")") if match[3].startswith("(") else match[3]
    # The engine reads the list: types have commas and brackets of their own, names may have any character.
    warehouse.add_columns(_name(match), warehouse.spark.createDataFrame([], listed.strip()).schema)


def _create_schema(warehouse: Warehouse, match: re.Match[str]) -> None:
    warehouse.create_schema(_unquoted(match[1]))


def _drop_schema(warehouse: Warehouse, match: re.Match[str]) -> None:
    warehouse.drop_schema(_unquoted(match[1]))


_CREATE_TABLE = re.compile(rf"create\s+table\s+(?:if\s+not\s+exists\s+)?{_NAME}", _FLAGS)
_CHANGE_ROWS = re.compile(rf"(?:insert\s+into(?:\s+table)?|merge\s+into|delete\s+from|update)\s+{_NAME}", _FLAGS)

_REPLACE_TABLE = re.compile(
    rf"create\s+or\s+replace\s+table\s+{_NAME}\s+using\s+delta"
    rf"(?:\s+partitioned\s+by\s*\(((?:{_IDENTIFIER}|[\s,])*)\))?\s+as\s+(.+)",
    _FLAGS,
)
_CATALOG_STATEMENTS: list[tuple[re.Pattern[str], Action]] = [
    (_REPLACE_TABLE, _replace_table),
    *(
        (re.compile(pattern, _FLAGS), action)
        for pattern, action in {
            rf"create\s+(?:or\s+replace\s+)?view\s+{_NAME}\s+as\s+(.+)": _create_view,
            rf"drop\s+(?:table|view)\s+if\s+exists\s+{_NAME}": _drop,
            rf"alter\s+(?:table|view)\s+{_NAME}\s+rename\s+to\s+{_NAME}": _rename,
            rf"truncate\s+table\s+{_NAME}": _truncate,
            rf"alter\s+table\s+{_NAME}\s+add\s+columns?\s*(.+)": _add_columns,
            rf"create\s+(?:schema|database)\s+(?:if\s+not\s+exists\s+)?({_IDENTIFIER})": _create_schema,
            rf"drop\s+(?:schema|database)\s+(?:if\s+exists\s+)?({_IDENTIFIER})(?:\s+cascade)?": _drop_schema,
        }.items()
    ),
]
