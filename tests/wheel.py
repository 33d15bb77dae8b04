"""An environment with the wheel instead of the checkout, and with Spark Connect's client instead of all of Spark."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import distribution
from pathlib import Path

from tests.conftest import ROOT


class Environment:
    """A virtual environment that has the wheel, and links to what the wheel needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment."""
        variables = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "FP_WAREHOUSE"}}
        path = f"{self.folder / 'bin'}:{variables['PATH']}"
        line = [self.folder / "bin" / command, *arguments]
        return subprocess.run(
            line, cwd=cwd, env=variables | {"PATH": path}, capture_output=True, text=True, check=False
        )

    def shell(self, command: str, *, cwd: Path) -> str:
        """Run a line of the shell that must succeed, and return what it prints."""
        done = self.run("/bin/bash", "-ec", command, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def good(self, command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command that must succeed."""
        done = self.run(command, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done


def install_wheel(folder: Path) -> Environment:
    """Build the wheel, and install it into a new environment below the folder."""
    uv = [sys.executable, "-m", "uv"]
    build = [*uv, "build", "--quiet", "--wheel", "--out-dir", str(folder / "wheels"), str(ROOT)]
    # Two builds of one checkout would write into the same folder.
    with Path(tempfile.gettempdir(), "feature-platform-wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    [wheel] = (folder / "wheels").glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = str(folder / "env" / "bin" / "python")
    subprocess.run([*uv, "pip", "install", "--quiet", "--no-deps", "--python", python, str(wheel)], check=True)
    [packages] = (folder / "env" / "lib").glob("python*/site-packages")
    _link_installed(folder / "others")
    (packages / "others.pth").write_text(str(folder / "others"))
    dbt = folder / "env" / "bin" / "dbt"
    dbt.write_text(f"#!{python}\nfrom dbt.cli.main import cli\ncli()\n")
    dbt.chmod(0o755)
    return Environment(folder / "env")


def _link_installed(folder: Path) -> None:
    """Link the packages that this process has, but of Spark only the files of its client."""
    folder.mkdir()
    here = Path(next(path for path in sys.path if path.endswith("site-packages")))
    for path in here.iterdir():
        if (
            not path.name.startswith(("pyspark", "py4j", "feature_platform", "__editable__", "_"))
            and path.suffix != ".pth"
        ):
            (folder / path.name).symlink_to(path)
    for file in distribution("pyspark-client").files or ():
        if file.parts[0] in {"pyspark", f"pyspark_client-{distribution('pyspark-client').version}.dist-info"}:
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file.locate())
