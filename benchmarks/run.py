"""Run the platform and its peers on one table, in turns, and write the results page: `python -m benchmarks.run`.

Every run is a process of its own, and ours starts from an empty warehouse.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.agreement import disagreements
from benchmarks.features import CONFIGURATIONS, Features
from benchmarks.generate import generate
from benchmarks.processes import Finished, run
from benchmarks.report import OURS, write_report

ROOT = Path(__file__).parents[1]
DATA = ROOT / "benchmarks" / "data"
PAGE = ROOT / "docs" / "benchmarks.md"
PEERS = ("pyspark", "duckdb")
SEED = 7


@dataclass(frozen=True)
class Input:
    """The table that is read: how it was generated."""

    rows: int
    users: int
    months: int
    density: float

    @property
    def path(self) -> Path:
        """Its file, which the settings name."""
        return DATA / f"rows_{self.rows}_users_{self.users}_months_{self.months}_density_{self.density:g}.parquet"


def main() -> None:
    """Read the arguments, run each configuration, and write the page from the results of all that have ever run."""
    given = _arguments()
    table = Input(given.rows, given.users, given.months, given.density)
    if not table.path.exists():
        _tell(f"generating {table.path.name}")
        generate(table.path, **asdict(table), seed=SEED)
    for name in given.configurations:
        result = _run_configuration(name, table, repeats=given.repeats, engines=(OURS, *given.peers))
        _results_file(name).parent.mkdir(parents=True, exist_ok=True)
        _results_file(name).write_text(json.dumps(result, indent=2))
    if not given.no_page:
        files = (_results_file(name) for name in CONFIGURATIONS)
        write_report(PAGE, [json.loads(file.read_text()) for file in files if file.exists()])
        _tell(f"wrote {PAGE.relative_to(ROOT)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the platform and its peers, and write docs/benchmarks.md.")
    parser.add_argument("--configurations", nargs="+", choices=CONFIGURATIONS, default=["sample", "heavy"])
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--density", type=float, default=1.0, help="how unequal the users are; 0: all alike")
    parser.add_argument("--no-page", action="store_true", help="leave docs/benchmarks.md as it is")
    return parser.parse_args()


def _run_configuration(name: str, table: Input, *, repeats: int, engines: Sequence[str]) -> dict[str, Any]:
    features = CONFIGURATIONS[name]
    outputs = {engine: DATA / "output" / f"{name}_{engine}.parquet" for engine in engines}
    runs: dict[str, list[Finished]] = {engine: [] for engine in engines}
    for repeat in range(repeats):
        # Every other round goes the other way, so that no engine always runs on a warmer machine.
        for engine in engines if repeat % 2 == 0 else reversed(engines):
            finished = _run_engine(engine, name, table, output=outputs[engine])
            runs[engine].append(finished)
            _tell(f"{name}, {repeat + 1} of {repeats}: {engine} {finished.seconds:.1f} s")
    differences = disagreements(outputs, features)
    for difference in differences:
        _tell(f"  {difference}")
    agreement = "The outputs agree, column for column." if not differences else "**The outputs differ.**"
    return {
        "configuration": name,
        **asdict(table),
        **asdict(features),
        "repeats": repeats,
        "agreement": agreement,
        "engines": {engine: _medians(engine, finished) for engine, finished in runs.items()},
        "models": _models(runs[OURS]),
    }


def _run_engine(engine: str, configuration: str, table: Input, *, output: Path) -> Finished:
    _remove(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    if engine == OURS:
        warehouse = DATA / "warehouse"
        _remove(warehouse)
        job = _write_job(configuration, table.path, output=output)
        command = [str(Path(sys.executable).with_name("fpjob")), "run", str(job), "--format", "json"]
        return run(command, folder=ROOT, environment={"FP_WAREHOUSE": str(warehouse)})
    task = ["--source", str(table.path), "--output", str(output), *CONFIGURATIONS[configuration].arguments()]
    return run([sys.executable, "-m", f"benchmarks.peers.{engine}_job", *task], folder=ROOT)


def _write_job(configuration: str, source: Path, *, output: Path) -> Path:
    """The job file of a configuration; each is a job of its own."""
    import yaml

    job = {
        "job_name": f"benchmark_{configuration}",
        "description": "The features of a benchmark, from a Parquet file that no registry entry names.",
        "input_source": {"source_type": "spark", "config": {"location": str(source), "format": "parquet"}},
        "feature_transformers": _transformers(CONFIGURATIONS[configuration]),
        "output_sink": {
            "sink_type": "overwrite_parquet",
            "config": {"path": str(output), "options": {"compression": "snappy"}},
        },
    }
    path = DATA / "jobs" / f"{configuration}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(job, sort_keys=False))
    return path


def _transformers(features: Features) -> list[dict[str, Any]]:
    user, event_time, amount = {"user_id_col": "user_id"}, {"timestamp_col": "timestamp"}, {"amount_col": "amount"}
    as_of = {"as_of": "event_time"} if features.is_as_of else {}
    category = {"category_col": "category", "target_category_value": list(features.categories)}
    params: dict[str, dict[str, Any]] = {
        "UserSpendAggregator": user | event_time | amount | {"window_days": list(features.windows)},
        "UserMonthlyTransactionCounter": user | event_time | as_of,
        "UserCategoricalSpendAggregator": user | event_time | amount | category | as_of,
    }
    return [{"name": name, "params": given} for name, given in params.items()]


def _medians(engine: str, runs: Iterable[Finished]) -> dict[str, float]:
    """The middle values; `seconds` leaves the start of a peer's session out, and nothing of ours."""
    runs = list(runs)
    seconds = [each.seconds if engine == OURS else each.report["seconds"] for each in runs]
    return {
        "seconds": statistics.median(seconds),
        "whole_seconds": statistics.median(each.seconds for each in runs),
        "cpu_seconds": statistics.median(each.cpu_seconds for each in runs),
        "peak_bytes": statistics.median(each.peak_bytes() or 0 for each in runs),
    }


def _models(runs: Iterable[Finished]) -> list[dict[str, Any]]:
    """Seconds and memory by model and for the sink, of the run that took the middle time."""
    middle = sorted(runs, key=lambda each: each.seconds)
    finished = middle[len(middle) // 2]
    models = [_model(model, finished) for model in finished.report["models"]]
    tests = finished.report.get("tests", [])
    test_seconds = sum(test["seconds"] for test in tests)
    sink = finished.report["sink"]
    # The sink's work is what follows the last model's line.
    last_line = finished.progress[-1].at if finished.progress else None
    peak = finished.peak_bytes(since=last_line)
    return [
        *models,
        {"name": f"{len(tests)} tests", "rows": None, "seconds": test_seconds, "peak_bytes": None},
        {"name": "sink", "rows": sink["rows"], "seconds": sink["seconds"], "peak_bytes": peak},
    ]


def _model(model: Mapping[str, Any], finished: Finished) -> dict[str, Any]:
    """A model's memory is that of the process from its start to the line that tells its end."""
    ends = [line.at for line in finished.progress if model["name"] in line.text.split()[1:2]]
    peak = finished.peak_bytes(since=ends[-1] - model["seconds"], until=ends[-1]) if ends else None
    return {"name": model["name"], "rows": model["rows"], "seconds": model["seconds"], "peak_bytes": peak}


def _results_file(configuration: str) -> Path:
    return DATA / "results" / f"{configuration}.json"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
