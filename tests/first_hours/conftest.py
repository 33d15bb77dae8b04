"""The wheel in an environment of its own, and a person who types commands in an empty folder.

Each hour leaves what was typed and printed in `target/first_hours/`, with the seconds. `FP_FIRST_HOURS_COLUMNS=80`
shows it as a window of 80 columns does.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import ROOT

REPORTS = ROOT / "target" / "first_hours"
COLUMNS = os.environ.get("FP_FIRST_HOURS_COLUMNS", "120")
_UV = (sys.executable, "-m", "uv")
# 60 orders of 7 buyers; every fifth is one of the first buyer.
ORDERS = [
    (
        number,
        1 if number % 5 == 0 else number % 7 + 1,
        f"2024-0{number // 20 + 1}-{number % 20 + 1:02d} 10:00:00",
        number * 1.25,
    )
    for number in range(60)
]
ORDERS_CSV = "order_id,buyer_id,ordered_at,total\n" + "".join(
    f"{number},{buyer},{at},{total:.2f}\n" for number, buyer, at, total in ORDERS
)


@dataclass
class Hour:
    """A person at a terminal: what was typed, what it printed, and how long it took."""

    name: str
    folder: Path
    environment: Mapping[str, str]
    typed: list[tuple[str, str, float]] = field(default_factory=list)

    def type(self, command: str, *, status: int = 0) -> str:
        """Run a command, and return what it prints on both streams; the test fails if it ends with another status."""
        started = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={**self.environment, "COLUMNS": COLUMNS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.typed.append((command, done.stdout, time.monotonic() - started))
        assert done.returncode == status, f"{command}\n{done.stdout}"
        return done.stdout

    def enter(self, folder: str) -> None:
        """Change the folder."""
        self.folder = self.folder / folder
        self.typed.append((f"cd {folder}", "", 0.0))

    def report(self) -> None:
        """Write what was typed and printed."""
        REPORTS.mkdir(parents=True, exist_ok=True)
        seconds = sum(taken for _, _, taken in self.typed)
        parts = [f"{len(self.typed)} commands, {seconds:.1f} s, {COLUMNS} columns"]
        parts += [f"$ {command}    # {taken:.1f} s\n{output}" for command, output, taken in self.typed]
        (REPORTS / f"{self.name}.txt").write_text("\n".join(parts))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment with the wheel and what it needs; several processes of tests share it."""
    place = tmp_path_factory.getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    environment = place / "first_hours_env"
    with (place / "first_hours.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / ".done").exists():
            wheels = place / "first_hours_wheels"
            _call(*_UV, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT))
            [wheel] = wheels.glob("*.whl")
            _call(*_UV, "venv", "--quiet", "--python", sys.executable, str(environment))
            install = (*_UV, "pip", "install", "--quiet", "--python", str(environment / "bin" / "python"))
            _call(*install, "--constraint", str(ROOT / "requirements.lock"), str(wheel))
            # A notebook needs a kernel, which whoever has notebooks has.
            _call(*install, "--constraint", str(ROOT / "requirements-dev.lock"), "ipykernel")
            (environment / ".done").touch()
    return environment


@pytest.fixture
def hour(installed: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hour]:
    """An empty folder, and the environment's commands on the path."""
    left_out = ("FP_WAREHOUSE", "PYTHONPATH", "VIRTUAL_ENV")
    clean = {name: value for name, value in os.environ.items() if name not in left_out}
    path = f"{installed / 'bin'}{os.pathsep}{clean['PATH']}"
    given = Hour(request.node.name.removeprefix("test_"), tmp_path, {**clean, "PATH": path, "NO_COLOR": "1"})
    yield given
    given.report()


@pytest.fixture
def shop(hour: Hour) -> Callable[[], None]:
    """What begins two of the hours: a project, own orders, and a group over them that still lacks descriptions."""

    def begun() -> None:
        hour.type("fpjob init shop")
        hour.enter("shop")
        (hour.folder / "data" / "orders.csv").write_text(ORDERS_CSV)
        hour.type("fpjob init entity buyer --description 'Who buys in the shop.' --key buyer_id:bigint")
        described = "--entity buyer --owner shop-team"
        said = hour.type(f"fpjob init source orders {described} --description 'Orders.' --location data/orders.csv")
        assert "took `ordered_at`, the only time among the fields, as event time" in said
        features = "--feature sum:total:30d --feature count:7d"
        hour.type(f"fpjob init group buying {described} --description 'What they buy.' --source orders {features}")

    return begun


def orders_in_window(buyer: int, at: str, days: int) -> list[float]:
    """Return the totals of a buyer's orders in (t - days, t], in plain Python."""
    from datetime import datetime, timedelta

    end = datetime.fromisoformat(at)
    return [
        total
        for _, one, ordered, total in ORDERS
        if one == buyer and end - timedelta(days=days) < datetime.fromisoformat(ordered) <= end
    ]


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
