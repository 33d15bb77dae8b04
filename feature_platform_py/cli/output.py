"""Print results on stdout, and progress and errors on stderr."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import click


def program(name: str) -> str:
    """Return how to call a program of this environment: by its name if the shell finds it, else by its path."""
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    is_found = found is not None and Path(found).parent.resolve() == here.parent.resolve()
    return name if is_found or not here.exists() else shlex.quote(str(here))


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout; print other types as text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_progress(text: str = "") -> None:
    """Print one line on stderr; ignore a stderr that fails."""
    with suppress(OSError):
        click.echo(text, err=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, truncate: bool | int) -> None:
    """Print rows as a table on stdout; `truncate` is the longest value shown, True for 20 and False for any length."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    limit = 20 if truncate is True else int(truncate)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, column in enumerate(columns):
        is_numeric = any(isinstance(row[index], int | float | Decimal) for row in rows)
        table.add_column(column, no_wrap=True, justify="right" if is_numeric else "left")
    for row in rows:
        table.add_row(*[_cell(value, limit) for value in row])
    # As wide as its values, so that a narrow terminal wraps lines and nothing is cut.
    console = Console(width=100_000, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _cell(value: object, limit: int) -> str:
    text = "NULL" if value is None else str(value)
    return text if not limit or len(text) <= limit else text[: max(limit - 3, 0)] + "..."
