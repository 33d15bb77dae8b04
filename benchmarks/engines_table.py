"""Write docs/engines.md's tables: what the parity suite found on each engine, and how long a job takes there.

    pytest tests/parity --junitxml=benchmarks/data/parity.xml
    python -m benchmarks.engines_table --parity benchmarks/data/parity.xml --run local spark connect_to_sail=sc://localhost:50051

Without `--run` nothing is timed, and the seconds are those of the last time. An engine on Spark Connect is named with the address of
its server.
"""

from __future__ import annotations

import argparse
import re
import statistics
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engines import Task, run_on_target
from benchmarks.features import CONFIGURATIONS
from benchmarks.inputs import DATA, ROOT, Input, tell
from benchmarks.marked import write_between
from benchmarks.parts import FEW_ROWS, in_turns, keep, machine, results
from benchmarks.tables import table

PAGE = ROOT / "docs" / "engines.md"
MARK, KEPT = "engines", "engines"
ROWS = Input(rows=1_000_000, users=20_000, months=24, density=1.0)
NO_TIME, REFERENCE = "not timed", "the others are compared with it"


@dataclass(frozen=True)
class Engine:
    """An engine as the parity suite names it; `target` is that of `fpjob run`."""

    name: str
    target: str
    label: str
    is_timed: bool = True
    is_reference: bool = False


ENGINES = (
    Engine("local", "local", "Sail in this process", is_reference=True),
    Engine("spark", "spark", "JVM Spark `local[*]`, Delta"),
    Engine("connect_to_jvm", "connect", "Spark Connect server of JVM Spark, Delta"),
    Engine("connect_to_sail", "connect", "Spark Connect server of Sail"),
    Engine("databricks", "databricks", "dbt-databricks and a loopback server", is_timed=False),
)


def outcomes(junit: Path) -> dict[str, dict[str, Counter[str]]]:
    """By test, then engine: how many cases passed, failed and were skipped. The engine is a word of the test's brackets.

    A test that runs several cases says how many in its property `cases`, and how many of them failed in `failed_cases`.
    ValueError if the file has no case of any engine.
    """
    found: dict[str, dict[str, Counter[str]]] = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        test, _, brackets = case.get("name", "").partition("[")
        for engine in {each.name for each in ENGINES} & set(re.split(r"[^a-z_]+", brackets.lower())):
            found.setdefault(test, {}).setdefault(engine, Counter()).update(_outcomes(case))
    if not found:
        names = ", ".join(f"`{each.name}`" for each in ENGINES)
        raise ValueError(f"{junit}: expected test cases with an engine in their brackets, one of {names}; found none")
    return found


def _outcomes(case: ElementTree.Element) -> dict[str, int]:
    counts = {each.get("name"): int(each.get("value", "")) for each in case.iter("property")}
    if "cases" not in counts:
        return {_outcome(case): 1}
    return {"passed": counts["cases"] - counts["failed_cases"], "failed": counts["failed_cases"]}


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"


def time_engines(servers: Mapping[str, str], repeats: int) -> dict[str, Any]:
    """Seconds of a whole `fpjob run` on each engine, in turns; `servers` gives each its address, or nothing."""
    engines = {each.name: each for each in ENGINES if each.name in servers}
    features = CONFIGURATIONS["sample"]
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for name in engines:
        run_on_target(
            Task(f"engines_{name}", features, FEW_ROWS.file()), engines[name].target, environment=_at(servers[name])
        )
    for name in in_turns(list(engines), repeats):
        task = Task(f"engines_{name}", features, ROWS.file())
        finished = run_on_target(task, engines[name].target, environment=_at(servers[name]))
        seconds[name].append(finished.seconds)
        tell(f"  {name}: {finished.seconds:.1f} s")
    measured = f"{datetime.now(UTC):%Y-%m-%d}"
    return {
        name: {"seconds": statistics.median(each), "repeats": repeats, "measured": measured}
        for name, each in seconds.items()
    }


def _at(server: str) -> dict[str, str]:
    return {"SPARK_REMOTE": server} if server else {}


def report(found: Mapping[str, Mapping[str, Counter[str]]], timed: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables, as Markdown: a line for each engine, and a line for each claim of the parity suite."""
    engines = [
        [
            f"`{each.name}`: {each.label}",
            REFERENCE if each.is_reference else _cell(_total(each, found)),
            _seconds(each, timed),
        ]
        for each in ENGINES
    ]
    others = [each for each in ENGINES if not each.is_reference]
    claims = [
        [_words(test), *(_cell(by_engine.get(each.name, Counter())) for each in others)]
        for test, by_engine in found.items()
    ]
    repeats = max((each["repeats"] for each in timed.values()), default=0)
    return "\n\n".join(
        [
            table(["engine", "parity: cases", f"seconds for {ROWS.rows:,} rows"], engines),
            f"Seconds of a whole `fpjob run`, the features of `sample` into Parquet; runs of each, in turns: {repeats}; {machine()}.",
            table(["what is the same", *(f"`{each.name}`" for each in others)], claims),
        ]
    )


def _total(engine: Engine, found: Mapping[str, Mapping[str, Counter[str]]]) -> Counter[str]:
    return sum((by_engine.get(engine.name, Counter()) for by_engine in found.values()), Counter())


def _cell(counts: Counter[str]) -> str:
    """How many cases passed, and what else became of some."""
    if not counts.total():
        return "-"
    others = [f"{counts[outcome]} {outcome}" for outcome in ("failed", "skipped") if counts[outcome]]
    return ", ".join([f"{counts['passed']} passed", *others])


def _seconds(engine: Engine, timed: Mapping[str, Mapping[str, Any]]) -> str:
    if not engine.is_timed:
        return NO_TIME
    return f"{timed[engine.name]['seconds']:.1f}" if engine.name in timed else "-"


def _words(test: str) -> str:
    return test.removeprefix("test_").replace("_", " ")


def main() -> None:
    """Time the engines that are named, and write the page."""
    parser = argparse.ArgumentParser(description="Write the tables of docs/engines.md.")
    parser.add_argument("--parity", type=Path, default=DATA / "parity.xml", help="JUnit file of `pytest tests/parity`")
    parser.add_argument("--run", nargs="*", default=[], help="engines to time: a name, or name=sc://host:port")
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    if not given.parity.is_file():
        parser.error(
            f"--parity: `{given.parity}` is not there; `pytest tests/parity --junitxml={given.parity}` writes it"
        )
    timed = results().get(KEPT, {})
    if given.run:
        timed |= time_engines(_servers(given.run, parser), given.repeats)
        keep(KEPT, timed)
    write_between(PAGE, MARK, report(outcomes(given.parity), timed))
    tell(f"wrote {PAGE.relative_to(ROOT)}")


def _servers(given: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, str]:
    servers = {name: server for name, _, server in (each.partition("=") for each in given)}
    known = {each.name: each for each in ENGINES if each.is_timed}
    for name, server in servers.items():
        if name not in known:
            parser.error(f"--run: expected one of {', '.join(known)}, given `{name}`")
        if (known[name].target == "connect") != bool(server):
            parser.error(f"--run: expected an address with engines on Spark Connect alone, given `{name}={server}`")
    return servers


if __name__ == "__main__":
    main()
