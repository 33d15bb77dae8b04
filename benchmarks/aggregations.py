"""Time aggregations over windows, ours and those of peers: `python -m benchmarks.aggregations` writes a part of docs/benchmarks.md.

Each run is a process of its own that computes one case for every row of a table. Sparse users have few rows each, dense ones many:
with the defaults 50 and 10,000, of which a window of 30 days holds 2 and 411.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.aggregation_cases import CASES, COMPARED
from benchmarks.aggregation_tables import MARK, section
from benchmarks.agreement import aggregate_disagreements
from benchmarks.engines import OURS, PEERS, remove
from benchmarks.inputs import DATA, ROOT, Input, tell
from benchmarks.marked import write_between
from benchmarks.parts import in_turns, keep, machine, results
from benchmarks.processes import Finished, TimeLimitError, run

PAGE = ROOT / "docs" / "benchmarks.md"
TABLES = ("sparse", "dense")


def main() -> None:
    """Time ours, then the peers, keep the figures, and write the page's part; without cases or peers, older figures of these stay."""
    given = _arguments()
    tables = {
        "sparse": Input(given.rows, given.users, given.months, given.density),
        "dense": Input(given.rows, given.dense_users, given.months, given.density),
    }
    if not given.page_only:
        found: dict[str, Any] = {
            **results().get(MARK, {}),
            "tables": {name: asdict(each) for name, each in tables.items()},
            "repeats": given.repeats,
            "limit_seconds": given.limit_seconds,
            "measured": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
        }
        if given.cases:
            ours = found.get("ours", {}) | _ours(tables, given.cases, given.repeats)
            keep(MARK, found := found | {"ours": ours})
        if given.peers:
            keep(MARK, found | _peers(tables, given.peers, given.limit_seconds))
    text = section(results()[MARK])
    if given.no_page:
        tell(text)
    else:
        write_between(PAGE, MARK, text)


def _ours(tables: Mapping[str, Input], cases: Sequence[str], repeats: int) -> dict[str, Any]:
    """The middle figures of each case on each table; the cases take turns."""
    runs: dict[tuple[str, str], list[Finished]] = {}
    for table, given in tables.items():
        for case in in_turns(cases, repeats):
            runs.setdefault((case, table), []).append(_run(OURS, case, given, None))
            tell(f"  {case}, {table}: {runs[case, table][-1].report['cpu_seconds']:.1f} CPU seconds")
    return {case: {table: _medians(runs[case, table]) for table in tables} for case in cases}


def _medians(runs: Sequence[Finished]) -> dict[str, float]:
    figures = {name: statistics.median(each.report[name] for each in runs) for name in ("seconds", "cpu_seconds")}
    return figures | {"peak_bytes": statistics.median(each.peak_bytes() or 0 for each in runs)}


def _peers(tables: Mapping[str, Input], peers: Sequence[str], limit_seconds: float) -> dict[str, Any]:
    """One run of each compared case by each engine: its figures, or `stopped` or `failed`."""
    figures: dict[str, Any] = {}
    differences: list[str] = []
    for table, given in tables.items():
        for case in COMPARED:
            done: dict[str, Any] = {}
            for engine in (OURS, *peers):
                try:
                    done[engine] = _medians([_run(engine, case, given, limit_seconds)])
                except RuntimeError as error:
                    done[engine] = "stopped" if isinstance(error, TimeLimitError) else "failed"
                    tell(f"  {case}, {table}: {engine} {done[engine]}: {error}")
            figures.setdefault(case, {})[table] = done
            outputs = {engine: _output(engine, case) for engine in done if isinstance(done[engine], dict)}
            differences += [f"{case}, {table}: {each}" for each in aggregate_disagreements(outputs, CASES[case])]
    for difference in differences:
        tell(f"  {difference}")
    return {"engines": [OURS, *peers], "compared": figures, "differences": differences}


def _run(engine: str, case: str, table: Input, limit_seconds: float | None) -> Finished:
    output = _output(engine, case)
    remove(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    module = "benchmarks.our_aggregations" if engine == OURS else f"benchmarks.peers.{engine}_aggregations"
    arguments = ["--source", str(table.file()), "--output", str(output), "--case", case]
    return run([sys.executable, "-m", module, *arguments], folder=ROOT, limit_seconds=limit_seconds)


def _output(engine: str, case: str) -> Path:
    return DATA / "output" / f"aggregation_{case}_{engine}.parquet"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Time aggregations over windows, and write a part of docs/benchmarks.md.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of each table")
    parser.add_argument("--users", type=int, default=100_000, help="users of the sparse table")
    parser.add_argument("--dense-users", type=int, default=500, help="users of the dense table")
    parser.add_argument("--months", type=int, default=24, help="months that every table spans")
    parser.add_argument("--density", type=float, default=1.0, help="how unequal the users are; 0: all alike")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each of our cases")
    parser.add_argument("--limit-seconds", type=float, default=600, help="the longest run beside peers")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="the engines beside ours")
    parser.add_argument(
        "--cases", nargs="*", choices=CASES, default=tuple(CASES), help="our cases; older figures of others stay"
    )
    parser.add_argument("--no-page", action="store_true", help="print the part, and leave the page as it is")
    parser.add_argument("--page-only", action="store_true", help="write the part from the figures that are there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
