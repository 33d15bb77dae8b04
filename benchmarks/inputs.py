"""The generated tables that the engines read, and where a benchmark keeps its files."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.generate import generate

ROOT = Path(__file__).parents[1]
DATA = ROOT / "benchmarks" / "data"
SEED = 7


@dataclass(frozen=True)
class Input:
    """A table of transactions: how it was generated. The `new_rows` come on top of the others, in the last month."""

    rows: int
    users: int
    months: int
    density: float
    new_rows: int = 0

    @property
    def path(self) -> Path:
        """Its file, which the settings name."""
        name = f"rows_{self.rows}_users_{self.users}_months_{self.months}_density_{self.density:g}"
        new = f"_new_{self.new_rows}" if self.new_rows else ""
        return DATA / "input" / f"{name}{new}.parquet"

    def file(self) -> Path:
        """Its file, generated if it is not there."""
        if not self.path.exists():
            tell(f"generating {self.path.name}")
            generate(self.path, **asdict(self), seed=SEED)
        return self.path

    def with_new_rows(self, percent: float) -> Input:
        """The same table with so many percent of new rows."""
        return replace(self, new_rows=max(1, round(self.rows * percent / 100)))

    def rows_per_window(self, days: int) -> float:
        """How many rows a window of the days has on average, over the windows of all rows."""
        import duckdb

        by_user = "partition by user_id order by epoch(timestamp) range between"
        counted = (
            f"select count(*) over ({by_user} {days * 24 * 60 * 60 - 1} preceding and current row) as rows from input"
        )
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.read_parquet(str(self.file())).create_view("input")
            return float(connection.sql(f"select avg(rows) from ({counted})").fetchall()[0][0])


def show_at(path: Path, file: Path) -> None:
    """Let a path show a file from now on, in one step; it is a second name of the file, not a copy."""
    # Another name would be a change of the file.
    if path.exists() and path.samefile(file):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    os.link(file, unfinished)
    unfinished.replace(path)


def tell(text: str) -> None:
    """A line of progress, on stderr."""
    print(text, file=sys.stderr, flush=True)
