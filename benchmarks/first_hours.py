"""Set up the platform and its peers from nothing, and write the tables of docs/comparison.md: `python -m benchmarks.first_hours`.

Each tool gets an environment of its own below a temporary folder, and runs the commands that its own quick start gives.
What they print is left in benchmarks/data/first_hours/ for people to look at. It needs the package registry.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs import DATA, ROOT, tell
from benchmarks.label_time import answers, labels_table
from benchmarks.marked import write_between

PAGE = ROOT / "docs" / "comparison.md"
SCREENS = DATA / "first_hours"
_HISTORY = """\
import pandas as pd
from feast import FeatureStore

drivers = pd.DataFrame({"driver_id": [1001, 1002, 1003]})
drivers["event_timestamp"] = pd.read_parquet("data/driver_stats.parquet")["event_timestamp"].max()
found = FeatureStore(".").get_historical_features(drivers, ["driver_hourly_stats:conv_rate"])
print(found.to_df())
"""
# Nothing is sent out: each by the setting that the tool documents. This version of Feast sends nothing by itself.
_QUIET = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"}


@dataclass(frozen=True)
class Step:
    """A command as a person types it; `answers` is what it asks for, `is_first_table` ends the way to the first table."""

    command: str
    folder: str = ""
    answers: str = ""
    is_first_table: bool = False


@dataclass(frozen=True)
class Tool:
    """A tool, what pip installs for it, the folder that its first step writes, and its steps."""

    name: str
    packages: Sequence[str]
    version_of: Sequence[str]
    writes: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Figures:
    """What one first hour took."""

    tool: Tool
    versions: Sequence[str]
    packages: int
    megabytes: float
    install_seconds: float
    files: int
    seconds: Mapping[str, float]

    @property
    def first_table(self) -> float:
        """Seconds of the commands up to the first table."""
        until = next(number for number, step in enumerate(self.tool.steps) if step.is_first_table)
        return sum(self.seconds[step.command] for step in self.tool.steps[: until + 1])


PEERS = (
    Tool(
        "Feast",
        ["feast==0.67.0"],
        ["feast"],
        "bank",
        [
            Step("feast init bank"),
            Step("feast apply", "bank/feature_repo"),
            Step("python ../../history.py", "bank/feature_repo", is_first_table=True),
            Step('feast materialize-incremental "$(date -u +%Y-%m-%dT%H:%M:%S)"', "bank/feature_repo"),
        ],
    ),
    Tool(
        "SQLMesh",
        ["sqlmesh==0.236.4"],
        ["sqlmesh"],
        "shop",
        [
            Step("sqlmesh init duckdb", "shop"),
            Step("sqlmesh plan", "shop", answers="y\n"),
            Step('sqlmesh fetchdf "select * from sqlmesh_example.full_model"', "shop", is_first_table=True),
        ],
    ),
    Tool(
        "dbt",
        # The next minor version downloads a parser while it is installed, from a place that is no package registry.
        ["dbt-core>=1.11,<1.12", "dbt-duckdb==1.11.1"],
        ["dbt-core", "dbt-duckdb"],
        "shop",
        [
            Step("dbt init shop", answers="1\n"),
            Step("dbt run", "shop"),
            Step("dbt show --select my_second_dbt_model", "shop", is_first_table=True),
        ],
    ),
)
OURS = Tool(
    "feature-platform",
    ["-c", str(ROOT / "requirements.lock")],
    [],
    "my-features",
    [
        Step("fpjob init my-features"),
        Step(
            "fpjob run configs/jobs/sample_financial_features_job.yaml",
            "my-features",
            is_first_table=True,
        ),
    ],
)


def main() -> None:
    """Set up each tool, compare values at labels, and write the page's tables."""
    parser = argparse.ArgumentParser(description="Set up the platform and its peers, and write docs/comparison.md.")
    parser.add_argument("--no-page", action="store_true", help="print the tables, and leave the page as it is")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [first_hour(tool, folder) for tool in (_ours(folder), *PEERS)]
        ours, feast = (folder / tool.name / "env" / "bin" / "python" for tool in (OURS, PEERS[0]))
        truth, ways = answers(folder, folder / OURS.name / OURS.writes, ours, feast)
    tables = {"first hours": hours_table(found), "labels": labels_table(truth, ways)}
    for mark, text in tables.items():
        if given.no_page:
            print(text)
        else:
            write_between(PAGE, mark, text)


def first_hour(tool: Tool, folder: Path) -> Figures:
    """Install a tool into an environment of its own, and run its steps in an empty folder."""
    home = folder / tool.name
    environment = home / "env"
    python = environment / "bin" / "python"
    home.mkdir()
    (home / "history.py").write_text(_HISTORY)
    uv = [sys.executable, "-m", "uv"] if shutil.which("uv") is None else ["uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    started = time.monotonic()
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *tool.packages], check=True)
    installed = time.monotonic() - started
    megabytes = _bytes(environment) / 1e6
    listed = subprocess.check_output([*uv, "pip", "list", "--quiet", "--python", python], text=True).splitlines()[2:]
    versions = dict(line.split()[:2] for line in listed)
    seconds, files = {}, 0
    for step in tool.steps:
        tell(f"{tool.name}: {step.command}")
        seconds[step.command] = _take(step, home, environment)
        files = files or _files(home / tool.writes)
    named = [f"{name} {versions[name]}" for name in tool.version_of]
    return Figures(tool, named, len(versions), megabytes, installed, files, seconds)


def hours_table(found: Sequence[Figures]) -> str:
    """Write the figures, a column for each tool."""
    rows: dict[str, list[str]] = {
        "": [each.tool.name for each in found],
        "---": ["---"] * len(found),
        "version": [", ".join(each.versions) or "this one" for each in found],
        "environment": [f"{each.packages} packages, {each.megabytes:,.0f} MB" for each in found],
        "files that the first command writes": [f"{each.files}" for each in found],
        "commands to the first table": [f"{sum(1 for _ in _until_table(each.tool))}" for each in found],
        "installing, from a cache": [f"{each.install_seconds:.1f} s" for each in found],
        "these commands": [f"{each.first_table:.1f} s" for each in found],
        "each": [
            "<br>".join(f"`{_short(command)}` {seconds:.1f} s" for command, seconds in each.seconds.items())
            for each in found
        ],
    }
    return "\n".join(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())


def _until_table(tool: Tool) -> Iterator[str]:
    """Yield what a person types, the change of folder included."""
    folder = ""
    for step in tool.steps:
        if step.folder != folder:
            folder = step.folder
            yield f"cd {folder}"
        yield step.command
        if step.is_first_table:
            return


def _short(command: str) -> str:
    program, first, *_ = command.split()
    return f"{program} {Path(first).name}"


def _ours(folder: Path) -> Tool:
    wheels = folder / "wheels"
    uv = [sys.executable, "-m", "uv"] if shutil.which("uv") is None else ["uv"]
    subprocess.run([*uv, "build", "--quiet", "--wheel", "--out-dir", wheels, ROOT], check=True)
    [wheel] = wheels.glob("*.whl")
    return Tool(OURS.name, [*OURS.packages, str(wheel)], OURS.version_of, OURS.writes, OURS.steps)


def _take(step: Step, home: Path, environment: Path) -> float:
    """Run a step, keep what it printed, and return its seconds; RuntimeError if it fails."""
    folder = home / step.folder
    folder.mkdir(exist_ok=True)
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    clean = {name: value for name, value in os.environ.items() if name not in ("FP_WAREHOUSE", "VIRTUAL_ENV")}
    variables = {**clean, **_QUIET, "PATH": path, "HOME": str(home), "COLUMNS": "100", "NO_COLOR": "1"}
    started = time.monotonic()
    done = subprocess.run(
        ["bash", "-c", step.command],
        cwd=folder,
        env=variables,
        input=step.answers,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    SCREENS.mkdir(parents=True, exist_ok=True)
    screen = SCREENS / f"{home.name}_{step.command.split()[1]}.txt".replace("/", "_")
    screen.write_text(f"$ {step.command}\n{done.stdout}")
    if done.returncode:
        raise RuntimeError(f"{home.name}: {step.command} ended with status {done.returncode}:\n{done.stdout[-3000:]}")
    return seconds


def _bytes(folder: Path) -> int:
    """Count a file's bytes once for each of its names; compiled Python is left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc")


def _files(folder: Path) -> int:
    logs = (".log", ".pyc")
    return sum(path.is_file() and path.suffix not in logs for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
