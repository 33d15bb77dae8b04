"""Run the platform and its peers on generated tables, in turns, and write the results page: `python -m benchmarks.run`.

Every run is a process of its own. Each part can be run alone: `python -m benchmarks.run --parts sample rows`; the page
keeps what it says of the others. `--parts` with nothing after it writes the page from the results that are there.
"""

from __future__ import annotations

import argparse

from benchmarks.engines import PEERS
from benchmarks.features import CONFIGURATIONS
from benchmarks.inputs import ROOT, tell
from benchmarks.parts import PARTS, Settings, results, run_part
from benchmarks.report import write_report

PAGE = ROOT / "docs" / "benchmarks.md"
DEFAULT_PARTS = tuple(part for part in PARTS if part not in ("large", "jvm", "training", "training_large"))


def main() -> None:
    """Run each part, and after each write its part of the page."""
    given = _arguments()
    settings = Settings.of(given)
    for part in dict.fromkeys([*given.parts, *(["large"] if given.large else [])]):
        run_part(part, settings)
        _write_page(given)
    if not given.parts:
        _write_page(given)


def _write_page(given: argparse.Namespace) -> None:
    if not given.no_page:
        write_report(PAGE, results())
        tell(f"wrote {PAGE.relative_to(ROOT)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the platform and its peers, and write docs/benchmarks.md.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=DEFAULT_PARTS, help="what is run")
    parser.add_argument("--large", action="store_true", help="also the large table, which only ours computes")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="the engines beside ours")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each engine")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    _add_table_arguments(parser)
    _add_curve_arguments(parser)
    return parser.parse_args()


def _add_table_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the table")
    parser.add_argument("--users", type=int, default=100_000, help="users of the table")
    parser.add_argument("--months", type=int, default=24, help="months that every table spans")
    parser.add_argument("--density", type=float, default=1.0, help="how unequal the users are; 0: all alike")
    configurations = tuple(CONFIGURATIONS)
    default = ("sample", "heavy", "as_of")
    parser.add_argument(
        "--incremental", nargs="+", choices=configurations, default=default, help="part `incremental`: of what"
    )
    parser.add_argument("--new-percent", type=float, default=1.0, help="new rows in the last month")


def _add_curve_arguments(parser: argparse.ArgumentParser) -> None:
    curve_rows = (100_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000)
    window_users = (100_000, 20_000, 5_000, 2_000, 1_000, 500)
    parser.add_argument("--curve-rows", type=int, nargs="+", default=curve_rows, help="part `rows`: the tables' rows")
    parser.add_argument("--window-rows", type=int, default=1_000_000, help="part `density`: rows of each table")
    parser.add_argument("--window-users", type=int, nargs="+", default=window_users, help="part `density`: users")
    parser.add_argument("--limit-seconds", type=float, default=900, help="the longest run of a curve")
    parser.add_argument("--large-rows", type=int, default=50_000_000, help="part `large`: rows")
    parser.add_argument("--large-users", type=int, default=1_000_000, help="part `large`: users")
    parser.add_argument(
        "--jvm-users", type=int, nargs="+", default=(10, 50, 500), help="part `jvm`: users, of 10,000 rows each"
    )


if __name__ == "__main__":
    main()
