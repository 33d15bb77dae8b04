"""The SQL of a workspace and its notebook runs, carried out by Sail on a warehouse folder.

What Sail cannot run, or says otherwise, is translated. Names have three parts: a schema of the catalog `main` is one of the folder,
and that of another catalog has the catalog's name before its own.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from feature_platform_py.core.messages import read_mark
from tests.databricks.literals import unescaped
from tests.databricks.server import Rows, Statement, StatementFailedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CATALOG = "main"
SOURCE_CATALOG = "jupiter"
_FLAGS = re.IGNORECASE | re.DOTALL
_PART = r"(?:`(?:[^`]|``)+`|\w+)"
_NAME = rf"({_PART}(?:\s*\.\s*{_PART}){{0,2}})"
_TEXT = r"'(?:[^'\\]|\\.)*'"
_COMMENT = rf"(?:\s+comment\s+{_TEXT})?"
_PROPERTIES = r"(?:\s+tblproperties\s*\([^)]*\))?"
_COLUMNS = rf"(?:\s*\(\s*{_PART}{_COMMENT}(?:\s*,\s*{_PART}{_COMMENT})*\s*\))?"
_CATALOGS = re.compile(rf"`?({CATALOG}|{SOURCE_CATALOG})`?\.({_PART})\.({_PART})", re.IGNORECASE)
LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_EMPTY = pa.table({})


class Lakehouse:
    """The tables of a warehouse folder as a workspace shows them.

    `denied` and `missing` are names `catalog.schema.table` to which access is refused, or which are as if they were not there.
    """

    def __init__(self, folder: Path) -> None:
        from feature_platform_py.warehouse.session import open_warehouse

        self._warehouse = open_warehouse("sail", folder)
        self.denied: set[str] = set()
        self.missing: set[str] = set()
        self.notebooks: dict[str, str] = {}
        self.runs: dict[int, Exception | None] = {}
        self.submitted: list[Mapping[str, Any]] = []
        self._run_numbers = itertools.count(1)
        self._keys: set[str] = set()
        self._comments: dict[tuple[str, str], str] = {}

    def load(self, name: str, file: Path, columns: list[tuple[str, str]]) -> None:
        """Make a source table of a CSV file."""
        from feature_platform_py.warehouse.catalog_file import TableName

        listed = ", ".join(f"`{column}` {data_type}" for column, data_type in columns)
        frame = self._warehouse.spark.read.option("header", "true").schema(listed).csv(str(file))
        self._warehouse.write_table(TableName(f"{SOURCE_CATALOG}_mm", name), frame)

    def answer(self, statement: Statement) -> Rows:
        """The result of a statement as the client's connector is to have it."""
        try:
            return Rows.of(self._run(statement.text))
        except StatementFailedError:
            raise
        except Exception as error:
            raise StatementFailedError(_as_databricks_says(error)) from error

    # Statements

    def _run(self, text: str) -> pa.Table:
        body = LEADING.sub("", text, count=1).strip().removesuffix(";").strip()
        self._check_access(body)
        for pattern, action in _STATEMENTS:
            if match := pattern.fullmatch(body):
                return action(self, match)
        return self.run_sql(body)

    def run_sql(self, body: str) -> pa.Table:
        """Run a statement on the engine, with names of two parts."""
        from dbt.adapters.fpspark.statements import execute

        frame, _ = execute(self._warehouse, two_parts(body))
        return _EMPTY if frame is None or not frame.columns else _arrow(frame)

    def _check_access(self, body: str) -> None:
        for catalog, schema, table in _CATALOGS.findall(body):
            name = ".".join(map(_unquoted, (catalog, schema, table))).lower()
            if name in self.missing:
                message = f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{name}` cannot be found. SQLSTATE: 42P01"
                raise StatementFailedError(message)
            if name in self.denied:
                raise StatementFailedError(
                    "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n"
                    f"User does not have SELECT on Table '{name}'. SQLSTATE: 42501"
                )

    def create_table(self, match: re.Match[str]) -> pa.Table:
        """`create or replace table`, by the first clustering column in partitions."""
        name, clauses, query = match.groups()
        columns = re.search(rf"(?:partitioned|cluster)\s+by\s*\(\s*({_PART})", clauses, _FLAGS)
        partition = ""
        if columns and _unquoted(columns[1]) == "period_start":
            partition = f" partitioned by ({columns[1]})"
        self._keys.discard(plain(name))
        return self.run_sql(f"create or replace table {name} using delta{partition} as {query}")

    def create_view(self, match: re.Match[str]) -> pa.Table:
        """`create or replace view`, without the comments of its columns."""
        return self.run_sql(f"create or replace view {match[1]} as {match[2]}")

    def show_schemas(self, match: re.Match[str]) -> pa.Table:
        """The schemas of a catalog."""
        prefix = "" if _unquoted(match[1]) == CATALOG else f"{_unquoted(match[1])}_"
        found = [name.removeprefix(prefix) for name in self._warehouse.schemas() if name.startswith(prefix)]
        wanted = match[2] or "*"
        return pa.table({"databaseName": pa.array([name for name in found if wanted in {"*", name}], pa.string())})

    def no_information(self, match: re.Match[str]) -> pa.Table:
        """A view of `information_schema` without rows: what the selected columns are called."""
        return pa.table(
            {name.split()[-1].rpartition(".")[2]: pa.array([], pa.string()) for name in match[1].split(",")}
        )

    def list_tables(self, match: re.Match[str]) -> pa.Table:
        """`information_schema.tables` of a schema."""
        schema = match[2] if match[1] == CATALOG else f"{match[1]}_{match[2]}"
        found = self._warehouse.relations(schema) if schema in self._warehouse.schemas() else {}
        kinds = ["view" if each.kind == "view" else "table" for each in found.values()]
        texts = {
            "table_name": list(found),
            "table_type": kinds,
            "file_format": ["delta" if kind == "table" else None for kind in kinds],
            "table_owner": ["owner"] * len(kinds),
            "databricks_table_type": ["managed" if kind == "table" else None for kind in kinds],
        }
        return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()})

    def describe(self, match: re.Match[str]) -> pa.Table:
        """The columns of a table, as the statement without `as json` lists them."""
        columns = self._columns(match[1])
        return pa.table(
            {
                "col_name": pa.array([name for name, _ in columns], pa.string()),
                "data_type": pa.array([data_type for _, data_type in columns], pa.string()),
                "comment": pa.array([None] * len(columns), pa.string()),
            }
        )

    def describe_extended(self, match: re.Match[str]) -> pa.Table:
        """The columns, and what kind of table it is."""
        facts = [("", ""), ("# Detailed Table Information", ""), ("Type", "MANAGED"), ("Provider", "delta")]
        listed = [*self._columns(match[1]), *facts]
        return pa.table(
            {
                "col_name": pa.array([name for name, _ in listed], pa.string()),
                "data_type": pa.array([value for _, value in listed], pa.string()),
                "comment": pa.array([None] * len(listed), pa.string()),
            }
        )

    def describe_as_json(self, match: re.Match[str]) -> pa.Table:
        """The columns as JSON."""
        columns = [
            {"name": name, "type": _json_type(data_type), "comment": self._comments.get((plain(match[1]), name))}
            for name, data_type in self._columns(match[1])
        ]
        return pa.table({"json_metadata": [json.dumps({"columns": columns})]})

    def show_extended(self, match: re.Match[str]) -> pa.Table:
        """Tables with their columns as a text, which dbt's catalog reads."""
        schema = plain(f"{match[1]}.x").rpartition(".")[0]
        found = self._warehouse.relations(schema) if schema in self._warehouse.schemas() else {}
        names = [name for name in found if name in match[2].split("|")]
        texts = []
        for name in names:
            columns = "\n".join(
                f" |-- {column}: {data_type} (nullable = true)"
                for column, data_type in self._columns(f"{CATALOG}.{schema}.{name}")
            )
            kind = "VIEW" if found[name].kind == "view" else "MANAGED"
            texts.append(f"Owner: owner\nType: {kind}\nProvider: delta\nSchema: root\n{columns}\n")
        return pa.table(
            {
                "database": pa.array([schema] * len(names), pa.string()),
                "tableName": pa.array(names, pa.string()),
                "isTemporary": pa.array([False] * len(names), pa.bool_()),
                "information": pa.array(texts, pa.string()),
            }
        )

    def primary_keys(self, match: re.Match[str]) -> pa.Table:
        """The primary key of a table in `information_schema.table_constraints`."""
        name = f"{match[2]}.{match[3]}" if match[1] == CATALOG else f"{match[1]}_{match[2]}.{match[3]}"
        return pa.table({"constraint_name": pa.array(["key"] if name in self._keys else [], pa.string())})

    def add_key(self, match: re.Match[str]) -> pa.Table:
        """`add constraint ... primary key`, once."""
        if plain(match[1]) in self._keys:
            raise StatementFailedError(f"[DELTA_CONSTRAINT_ALREADY_EXISTS] {match[1]} has a primary key already")
        self._keys.add(plain(match[1]))
        return _EMPTY

    def comment_on_column(self, match: re.Match[str]) -> pa.Table:
        """Keep a column's comment, which dbt then does not send again."""
        table, _, column = match[1].rpartition(".")
        self._comments[plain(table), _unquoted(column)] = unescaped(match[2])
        return _EMPTY

    def _columns(self, name: str) -> list[tuple[str, str]]:
        from feature_platform_py.warehouse.catalog_file import TableName

        schema, _, table = plain(name).rpartition(".")
        if not schema:
            fields = self._warehouse.spark.table(f"`{table}`").schema
            return [(field.name, field.dataType.simpleString()) for field in fields]
        found = self._warehouse.columns(TableName(schema, table))
        if not found:
            raise StatementFailedError(
                f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{name}` cannot be found. SQLSTATE: 42P01"
            )
        return found

    # Runs of notebooks

    def rest(self, path: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answers of the routes by which dbt-databricks runs a Python model on serverless compute."""
        match path.split("/")[3:]:
            case ["preview", "scim", "v2", "Me"]:
                return {"userName": "someone@example.com", "id": "1"}
            case ["workspace", "mkdirs"]:
                return {}
            case ["workspace", "import"]:
                self.notebooks[parameters["path"]] = base64.b64decode(parameters["content"]).decode()
                return {}
            case ["jobs", "runs", "submit"]:
                number = next(self._run_numbers)
                self.submitted.append(parameters)
                self.runs[number] = self._run_notebook(parameters["tasks"][0]["notebook_task"]["notebook_path"])
                return {"run_id": number}
            case ["jobs", "runs", "get"]:
                return self._run_state(int(parameters["run_id"]))
            case ["jobs", "runs", "get-output"]:
                failure = self.runs[int(parameters["run_id"])]
                return {"error": str(failure), "error_trace": repr(failure)}
            case ["permissions", "jobs", _]:
                return {}
        return None

    def _run_notebook(self, path: str) -> Exception | None:
        code = two_parts(self.notebooks[path]).replace("writer.saveAsTable(", "save_as_table(df, ")
        names = {"__name__": "notebook", "spark": self._warehouse.spark, "save_as_table": self._save_as_table}
        try:
            exec(compile(code, path, "exec"), names)
        except Exception as error:
            return error
        return None

    def _save_as_table(self, frame: DataFrame, name: str) -> None:
        from feature_platform_py.warehouse.catalog_file import TableName

        schema, _, table = plain(name).rpartition(".")
        self._warehouse.write_table(TableName(schema, table), frame)

    def _run_state(self, number: int) -> dict[str, Any]:
        failure = self.runs[number]
        state = {"life_cycle_state": "TERMINATED", "result_state": "FAILED" if failure else "SUCCESS"}
        return {"run_id": number, "job_id": number, "state": state, "tasks": [{"run_id": number, "task_key": "task"}]}


def two_parts(text: str) -> str:
    """The text with every name of three parts in the engine's two."""
    return _CATALOGS.sub(lambda match: f"`{_schema(match[1], _unquoted(match[2]))}`.`{_unquoted(match[3])}`", text)


def plain(name: str) -> str:
    """The engine's name of a table, `schema.table`; that of a temporary view has no schema."""
    parts = [_unquoted(part.strip()) for part in re.findall(_PART, name)]
    return ".".join(parts if len(parts) < 3 else [_schema(parts[0], parts[1]), parts[2]])


def _schema(catalog: str, schema: str) -> str:
    return schema if catalog.lower() == CATALOG else f"{catalog.lower()}_{schema}"


def _unquoted(part: str) -> str:
    return part[1:-1].replace("``", "`") if part.startswith("`") else part


def _arrow(frame: DataFrame) -> pa.Table:
    table = frame.toArrow()
    fields = [
        pa.field(field.name, pa.string()) if pa.types.is_large_string(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _json_type(data_type: str) -> dict[str, Any]:
    if found := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", data_type):
        return {"name": "decimal", "precision": int(found[1]), "scale": int(found[2])}
    return {"name": {"timestamp": "timestamp_ltz"}.get(data_type, data_type)}


def _as_databricks_says(error: Exception) -> str:
    """The engine's message with the class that the warehouse gives a table that is not there, or what SQL raises."""
    message = str(error).partition("\n\nJVM stacktrace:")[0]
    if read_mark(message):
        return f"[USER_RAISED_EXCEPTION] {message} SQLSTATE: P0001\n== SQL (line 1, position 1) ==\nselect"
    if "not found" in message.lower() and "table" in message.lower():
        return f"[TABLE_OR_VIEW_NOT_FOUND] {message} SQLSTATE: 42P01"
    return message


def _nothing(*columns: str) -> Callable[[Lakehouse, re.Match[str]], pa.Table]:
    return lambda lakehouse, match: pa.table({name: pa.array([], pa.string()) for name in columns})


_CLAUSES = (
    r"(?:\s+using\s+delta|\s+partitioned\s+by\s*\([^)]*\)|\s+cluster\s+by\s*\([^)]*\)"
    rf"|\s+comment\s+{_TEXT}|\s+tblproperties\s*\([^)]*\))*"
)
_INFORMATION = r"select\b.*\bfrom\s+\S*information_schema`?"
_STATEMENTS: list[tuple[re.Pattern[str], Callable[[Lakehouse, re.Match[str]], pa.Table]]] = [
    (re.compile(pattern, _FLAGS), action)
    for pattern, action in {
        rf"create\s+or\s+replace\s+table\s+{_NAME}({_CLAUSES})\s+as\s+(.+)": Lakehouse.create_table,
        rf"create\s+or\s+replace\s+view\s+{_NAME}{_COLUMNS}{_COMMENT}{_PROPERTIES}\s+as\s+(.+)": Lakehouse.create_view,
        rf"create\s+schema\s+if\s+not\s+exists\s+{_PART}\.({_PART})": (
            lambda lakehouse, match: lakehouse.run_sql(f"create schema if not exists {match[1]}")
        ),
        rf"show\s+schemas\s+in\s+({_PART})(?:\s+like\s+'([^']*)')?": Lakehouse.show_schemas,
        rf"{_INFORMATION}\.`?tables`?\s+where\s+table_catalog\s*=\s*'(\w+)'\s+and\s+table_schema\s*=\s*'(\w+)'.*": (
            Lakehouse.list_tables
        ),
        rf"{_INFORMATION}\.`?table_constraints`?\s+where\s+table_catalog\s*=\s*'(\w+)'\s+and\s+table_schema\s*=\s*'(\w+)'"
        r"\s+and\s+table_name\s*=\s*'(\w+)'.*": Lakehouse.primary_keys,
        r"select\b(.*?)\bfrom\s+\S*information_schema`?\..*": Lakehouse.no_information,
        rf"describe\s+table\s+extended\s+{_NAME}\s+as\s+json": Lakehouse.describe_as_json,
        rf"describe\s+(?:table\s+)?extended\s+{_NAME}": Lakehouse.describe_extended,
        rf"describe\s+(?:table\s+)?{_NAME}": Lakehouse.describe,
        rf"show\s+table\s+extended\s+in\s+({_PART}\.{_PART})\s+like\s+'([^']*)'": Lakehouse.show_extended,
        rf"alter\s+table\s+{_NAME}\s+add\s+constraint\s+{_PART}\s+primary\s+key\s*\(.*": Lakehouse.add_key,
        rf"alter\s+(?:table|view)\s+{_NAME}\s+(?:alter\s+column\s+{_PART}\s+)?set\s+(?:tags|not\s+null|tblproperties).*": (
            _nothing()
        ),
        rf"comment\s+on\s+column\s+({_PART}(?:\.{_PART}){{3}})\s+is\s+'((?:[^'\\]|\\.)*)'": Lakehouse.comment_on_column,
        r"comment\s+on\s+(?:table|column|view)\s.*": _nothing(),
        r"optimize\s.*": _nothing(),
        r"use\s+catalog\s.*": _nothing(),
        r"select\s+current_catalog\(\)": lambda lakehouse, match: pa.table({"current_catalog()": [CATALOG]}),
    }.items()
]
