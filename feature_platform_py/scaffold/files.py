"""List the files that a new project starts from, below the root of this one; `setup.py` puts them into the wheel."""

from pathlib import Path

_HERE = Path(__file__).parent
KEPT = _HERE / "template"
"""Copies of the files that people change in a checkout (registry, jobs, profile), as a new project has them."""


def project_files(root: Path) -> list[str]:
    """Return the paths of a new project's files below `root`. A line of the list that ends in `/` is a whole folder."""
    found: list[str] = []
    for line in (_HERE / "template_files.txt").read_text(encoding="utf-8").splitlines():
        folder = sorted(path.relative_to(root).as_posix() for path in (root / line).glob("*") if path.is_file())
        found += folder if line.endswith("/") else [line]
    return found


def project_file(path: str, root: Path) -> Path:
    """Return where the content of a new project's file is: a separate copy, or the file below `root`."""
    return KEPT / path if (KEPT / path).is_file() else root / path
