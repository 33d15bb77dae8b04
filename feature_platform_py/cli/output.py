"""Print results on stdout, and progress and errors on stderr."""

from __future__ import annotations

import csv
import io
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.screen import fitted, table_lines, table_width, width_of
from feature_platform_py.cli.signs import paused


def program(name: str) -> str:
    """Return how to call a program of this environment: by its name if the shell finds it, else by its path."""
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    is_found = found is not None and Path(found).parent.resolve() == here.parent.resolve()
    return name if is_found or not here.exists() else shlex.quote(str(here))


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout; print other types as text."""
    print_text(json.dumps(value, indent=2, ensure_ascii=False, default=str), is_fitted=False)


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as CSV on stdout, exactly; what is missing is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    with paused():
        click.echo(text.getvalue(), nl=False)


def print_text(text: str, *, is_fitted: bool = True) -> None:
    """Print lines on stdout; in a window, long ones are broken between words."""
    with paused():
        click.echo(fitted(text, width_of(sys.stdout)) if is_fitted else text)


def print_progress(text: str = "") -> None:
    """Print lines on stderr; ignore a stderr that fails."""
    with suppress(OSError), paused():
        click.echo(fitted(text, width_of(sys.stderr)), err=True)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], *, truncate: bool | int, first: Sequence[str] = ()
) -> None:
    """Print rows as a table on stdout that fits a window; `first` are the columns that matter most."""
    lines = table_lines(columns, rows, width=table_width(sys.stdout), first=first, truncate=truncate)
    print_text("\n".join(lines), is_fitted=False)
