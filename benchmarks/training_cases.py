"""Training sets that are timed: events, labels of the same users, and five features of each label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate import generate_labels
from benchmarks.inputs import DATA, SEED, Input, tell

WINDOWS: Mapping[str, tuple[str, int]] = {
    "spend_7d": ("sum", 7),
    "spend_30d": ("sum", 30),
    "spend_90d": ("sum", 90),
    "events_30d": ("count", 30),
    "largest_30d": ("max", 30),
}
"""The features, each with its function over amounts and its days."""
MICROS_PER_DAY = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True)
class Labels:
    """Events, and how many labels ask for their features; a user has as many labels by chance as any other one."""

    events: Input
    rows: int

    @property
    def name(self) -> str:
        """What the files and results of these tables are called."""
        return f"events_{self.events.rows}_users_{self.events.users}_labels_{self.rows}"

    def file(self) -> Path:
        """The labels' file, generated if it is not there."""
        path = DATA / "input" / f"labels_of_{self.name}.parquet"
        if not path.exists():
            tell(f"generating {path.name}")
            generate_labels(path, rows=self.rows, users=self.events.users, months=self.events.months, seed=SEED)
        return path

    def values_file(self) -> Path:
        """A file with the features at each event, computed if it is not there: what a peer's as-of join looks up."""
        path = DATA / "input" / f"values_of_{self.events.path.name}"
        if not path.exists():
            tell(f"computing {path.name}")
            write_values(self.events.file(), path)
        return path


def write_values(events: Path, path: Path) -> None:
    """Write the features at each user's event times, each time once: all of an instant's events count."""
    import duckdb

    frames = ", ".join(
        f"last_{days} as (partition by user_id order by epoch_us(timestamp)"
        f" range between {days * MICROS_PER_DAY - 1} preceding and current row)"
        for days in {days for _, days in WINDOWS.values()}
    )
    columns = ", ".join(f"{function}(amount) over last_{days} as {name}" for name, (function, days) in WINDOWS.items())
    unfinished = path.with_suffix(".unfinished")
    # The largest amount of a window, and a count, are exact in their own types.
    query = f"select distinct user_id, timestamp, {columns} from read_parquet('{events}') window {frames}"
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"copy ({query} order by timestamp) to '{unfinished}' (format parquet, compression snappy)")
    unfinished.replace(path)
