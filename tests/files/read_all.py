"""Reads every file of the suite on one engine, in one session: a line of JSON for each, with its columns and what its rows are."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from feature_platform_py.core.data_types import sql_type
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from tests.files.cases import CASES
from tests.files.test_files import plain


def rows_digest(rows: list[tuple[Any, ...]]) -> str:
    """The number of rows, and a digest of them in any order."""
    texts = sorted(repr(tuple(map(plain, row))) for row in rows)
    return f"{len(rows)} {hashlib.sha256('|'.join(texts).encode()).hexdigest()}"


def main() -> None:
    """Read all files with the engine and warehouse of the command line."""
    engine, folder = sys.argv[1], Path(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warehouse = open_warehouse(engine, folder / "warehouse")
    for number, (name, case) in enumerate(CASES.items()):
        place = folder / "files" / str(number)
        place.mkdir(parents=True)
        table = TableName("suite", f"file_{number}")
        warehouse.register_source(table, case.source(place))
        frame = warehouse.spark.table(str(table))
        columns = [(column.name, sql_type(column.dataType)) for column in frame.schema]
        rows = [tuple(row.values()) for row in frame.toArrow().to_pylist()]
        print(json.dumps([name, columns, rows_digest(rows)]), file=answers, flush=True)


if __name__ == "__main__":
    main()
