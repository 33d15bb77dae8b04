"""Whatever has happened to the files of a warehouse, a full refresh of a job gives what a fresh warehouse does.

`FP_DAMAGES=all` tries all kinds of damage; otherwise every ninth of them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pyarrow
import pyarrow.dataset
import pytest

from feature_platform_py.warehouse.session import close_warehouse, open_session
from tests.conftest import Fpjob

JOB = """
job_name: {name}
input_source: {{source_type: spark, config: {{location: sales.csv}}}}
feature_transformers:
  - {{name: UserSpendAggregator, params: {{user_id_col: who, timestamp_col: at, amount_col: amount, window_days: 7}}}}
  - name: UserCategoricalSpendAggregator
    params: {{user_id_col: who, amount_col: amount, category_col: what, target_category_value: food}}
output_sink: {{sink_type: overwrite_parquet, config: {{path: output/{name}}}}}
"""
TABLES = ("user_spend", "user_categorical_spend")
GARBAGE = b"\x00\xff not what it was \n"


@dataclass(frozen=True)
class Place:
    """The warehouse to be damaged, and one table of the job in it."""

    warehouse: Path

    @property
    def table(self) -> Path:
        return self.warehouse / "features" / "shop__user_spend"

    @property
    def log(self) -> Path:
        return self.table / "_delta_log"

    @property
    def commits(self) -> list[Path]:
        return sorted(self.log.glob("*.json"))

    @property
    def copies(self) -> list[Path]:
        return sorted((self.warehouse / ".sources").rglob("rows.parquet"))

    @property
    def data(self) -> list[Path]:
        return sorted(self.table.rglob("*.parquet"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _as_file(path: Path) -> None:
    _remove(path)
    path.write_bytes(GARBAGE)


def _as_folder(path: Path) -> None:
    _remove(path)
    (path / "in it").mkdir(parents=True)


def _as_fifo(path: Path) -> None:
    _remove(path)
    os.mkfifo(path)


def _as_link(path: Path, to: Path) -> None:
    _remove(path)
    path.symlink_to(to)


def _as_socket(path: Path) -> None:
    _remove(path)
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        # The name of a socket may not be long.
        os.chdir(path.parent)
        server.bind(path.name)
        os.chdir(here)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_table(place: Place, select: str) -> None:
    """Another program has replaced the table by one with other columns."""
    session = open_session("sail", place.warehouse)
    session.sql(select).write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(str(place.table))
    close_warehouse("sail", place.warehouse)


DAMAGES: dict[str, Callable[[Place], object]] = {
    "the last commit is truncated": lambda p: _truncated(p.commits[-1]),
    "the last commit is garbage": lambda p: p.commits[-1].write_bytes(GARBAGE),
    "the last commit is empty": lambda p: p.commits[-1].write_bytes(b""),
    "the last commit is missing": lambda p: p.commits[-1].unlink(),
    "the last commit is a folder": lambda p: _as_folder(p.commits[-1]),
    "the last commit is a FIFO": lambda p: _as_fifo(p.commits[-1]),
    "the last commit is a link to nowhere": lambda p: _as_link(p.commits[-1], Path("nowhere")),
    "the last commit is a link to itself": lambda p: _as_link(p.commits[-1], p.commits[-1]),
    "the last commit is of another format": lambda p: p.commits[-1].write_text('{"hello": "world"}\n'),
    "the last commit names another protocol": lambda p: p.commits[-1].write_text(
        '{"protocol": {"minReaderVersion": 99, "minWriterVersion": 99}}\n'
    ),
    "the last commit names files that never were": lambda p: p.commits[-1].write_text(
        p.commits[-1].read_text().replace("part-", "gone-")
    ),
    "the first commit is truncated": lambda p: _truncated(p.commits[0]),
    "the first commit is garbage": lambda p: p.commits[0].write_bytes(GARBAGE),
    "the first commit is missing": lambda p: p.commits[0].unlink(),
    "a commit is far ahead of the others": lambda p: shutil.copy(p.commits[-1], p.log / f"{10**12:020}.json"),
    "the log is missing": lambda p: _remove(p.log),
    "the log is empty": lambda p: [_remove(path) for path in list(p.log.iterdir())],
    "the log is a file": lambda p: _as_file(p.log),
    "the log is a FIFO": lambda p: _as_fifo(p.log),
    "the log is a link to itself": lambda p: _as_link(p.log, p.log),
    "a checkpoint is named and missing": lambda p: (p.log / "_last_checkpoint").write_text('{"version": 7, "size": 9}'),
    "the last checkpoint's name is garbage": lambda p: (p.log / "_last_checkpoint").write_bytes(GARBAGE),
    "a checkpoint is garbage": lambda p: (
        (p.log / f"{len(p.commits) - 1:020}.checkpoint.parquet").write_bytes(GARBAGE),
        (p.log / "_last_checkpoint").write_text(f'{{"version": {len(p.commits) - 1}, "size": 9}}'),
    ),
    "the data files are missing": lambda p: [path.unlink() for path in p.data],
    "the data files are garbage": lambda p: [path.write_bytes(GARBAGE) for path in p.data],
    "the data files are empty": lambda p: [path.write_bytes(b"") for path in p.data],
    "the data files are truncated": lambda p: [_truncated(path) for path in p.data],
    "the data files are FIFOs": lambda p: [_as_fifo(path) for path in p.data],
    "the data files are folders": lambda p: [_as_folder(path) for path in p.data],
    "the data files are links to themselves": lambda p: [_as_link(path, path) for path in p.data],
    "the table is a file": lambda p: _as_file(p.table),
    "the table is a FIFO": lambda p: _as_fifo(p.table),
    "the table is a socket": lambda p: _as_socket(p.table),
    "the table is a link to nowhere": lambda p: _as_link(p.table, Path("nowhere")),
    "the table is a link to itself": lambda p: _as_link(p.table, p.table),
    "the table is missing": lambda p: _remove(p.table),
    "the table has other columns": lambda p: _other_table(p, "select 1 as one, 'x' as other"),
    "the table has other types": lambda p: _other_table(
        p,
        "select 1 as who, 'x' as at, date'2024-01-01' as user_7d_total_spend, 'x' as user_7d_avg_spend,"
        " 'x' as period_start, 7 as _input_fingerprint",
    ),
    "the schema is a file": lambda p: _as_file(p.warehouse / "features"),
    "the schema is a link to nowhere": lambda p: _as_link(p.warehouse / "features", Path("nowhere")),
    "the catalog is garbage": lambda p: (p.warehouse / "catalog.json").write_bytes(GARBAGE),
    "the catalog is empty": lambda p: (p.warehouse / "catalog.json").write_bytes(b""),
    "the catalog is of another format": lambda p: (p.warehouse / "catalog.json").write_text('{"relations": [1]}'),
    "the catalog is a folder": lambda p: _as_folder(p.warehouse / "catalog.json"),
    "the catalog is a FIFO": lambda p: _as_fifo(p.warehouse / "catalog.json"),
    "the catalog's lock is a FIFO": lambda p: _as_fifo(p.warehouse / ".catalog.lock"),
    "the locks of jobs are a file": lambda p: _as_file(p.warehouse / ".running"),
    "the job's lock is a FIFO": lambda p: _as_fifo(p.warehouse / ".running" / "shop.lock"),
    "the job's note is a folder": lambda p: (p.warehouse / ".running" / "shop.unproved.json").mkdir(),
    "the copy of the source is garbage": lambda p: [each.write_bytes(GARBAGE) for each in p.copies],
    "the copy of the source is garbage but for its end": lambda p: [
        each.write_bytes(GARBAGE * (each.stat().st_size // 30) + each.read_bytes()[-1000:]) for each in p.copies
    ],
    "the copy of the source is a FIFO": lambda p: [_as_fifo(each) for each in p.copies],
    "the copies of sources are a file": lambda p: _as_file(p.warehouse / ".sources"),
    "leftovers of killed writes lie about": lambda p: (
        (p.warehouse / "features" / ".discarded-1").write_bytes(GARBAGE),
        (p.warehouse / ".catalog.json.12.new").write_bytes(GARBAGE),
        (p.table / "part-unknown.parquet").write_bytes(GARBAGE),
        (p.log / "_commit_1.tmp").write_bytes(GARBAGE),
    ),
}
# What hits all jobs of the warehouse, whose tables are to be rebuilt as well.
OF_ALL = ("the schema is a file", "the schema is a link to nowhere")
# What a full refresh need not read in order to replace it.
REPLACED = (
    "the last commit names files that never were",
    "the table has other types",
    *(f"the data files are {state}" for state in ("missing", "garbage", "empty", "truncated")),
)
CHOSEN = list(DAMAGES) if os.environ.get("FP_DAMAGES") == "all" else list(DAMAGES)[::9]


@pytest.fixture(scope="module")
def built(module_project: Path) -> Path:
    """A project whose two jobs have run twice; `built` beside it has its warehouse and sinks."""
    for name in ("shop", "other"):
        (module_project / f"{name}.yaml").write_text(JOB.format(name=name))
    return module_project


def _write_sales(project: Path, *, last_amount: str) -> None:
    lines = [
        f"u{number % 3},2024-0{1 + number % 2}-0{1 + number % 9} 10:00:00,{number}.50,food" for number in range(30)
    ]
    (project / "sales.csv").write_text(
        "\n".join(["who,at,amount,what", *lines, f"u0,2024-02-09 10:00:00,{last_amount},food"]) + "\n"
    )


def _sorted(table: pyarrow.Table) -> pyarrow.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names])


def _result(project: Path, job: str) -> dict[str, pyarrow.Table]:
    """The sink and the feature tables, read in a session that has seen nothing before."""
    close_warehouse("sail", project / "warehouse")
    session = open_session("sail", project / "warehouse")
    found = {"sink": _sorted(pyarrow.dataset.dataset(project / "output" / job).to_table())}
    for table in TABLES:
        place = project / "warehouse" / "features" / f"{job}__{table}"
        found[table] = _sorted(session.read.format("delta").load(str(place)).toArrow())
    return found


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def _too_late(_: int, __: FrameType | None) -> None:
    raise TimeoutError("it hangs")


@pytest.fixture
def in_time() -> Iterator[None]:
    """Fail what waits for ever, as a reader of a FIFO does."""
    before = signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def restored(built: Path, fpjob: Fpjob) -> dict[str, pyarrow.Table]:
    """The warehouse as two runs left it, the source as it is now, and what a fresh warehouse has for it."""
    kept = built.parent / "kept"
    if not kept.exists():
        _write_sales(built, last_amount="1.50")
        for name in ("shop", "other"):
            assert fpjob("run", f"{name}.yaml").status == 0
        _write_sales(built, last_amount="2.50")
        assert fpjob("run", "shop.yaml").status == 0
        shutil.copytree(built / "warehouse", kept)
        shutil.rmtree(built / "warehouse")
        close_warehouse("sail", built / "warehouse")
        assert fpjob("run", "shop.yaml").status == 0
        _expected.update(_result(built, "shop"))
    close_warehouse("sail", built / "warehouse")
    shutil.rmtree(built / "warehouse", ignore_errors=True)
    shutil.rmtree(built / "output" / "shop", ignore_errors=True)
    shutil.copytree(kept, built / "warehouse")
    return _expected


_expected: dict[str, pyarrow.Table] = {}


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("damage", CHOSEN)
def test_a_full_refresh_recovers(built: Path, restored: dict[str, pyarrow.Table], fpjob: Fpjob, damage: str) -> None:
    DAMAGES[damage](Place(built / "warehouse"))
    others = [built / "warehouse" / "features" / f"other__{table}" for table in TABLES]
    untouched = [built / "sales.csv", built / "output" / "other", *(others if damage not in OF_ALL else [])]
    before = [_files(path) if path.is_dir() else path.read_bytes() for path in untouched]
    plain = fpjob("run", "shop.yaml")
    if plain.status == 0:
        assert _result(built, "shop") == restored
    else:
        assert plain.status in (2, 3), plain.stderr
        assert "--full-refresh" in plain.stderr.splitlines()[-1] or "--full-refresh" in plain.stderr, plain.stderr
        assert "Traceback" not in plain.stderr
        assert not (built / "output" / "shop").exists()
    close_warehouse("sail", built / "warehouse")
    outcome = fpjob("run", "shop.yaml", "--full-refresh")
    assert outcome.status == 0, outcome.stderr
    if plain.status and damage not in REPLACED:
        assert "  thrown away: warehouse/" in outcome.stderr
    assert _result(built, "shop") == restored
    assert [_files(path) if path.is_dir() else path.read_bytes() for path in untouched] == before
