"""The project's dbt models, as their files name them."""

from __future__ import annotations

from pathlib import Path


def model_files(root: Path) -> dict[str, Path]:
    """The files of the models by their names, as paths below the project's root."""
    files = sorted(path for kind in ("*.sql", "*.py") for path in (root / "models").rglob(kind))
    return {path.stem: path.relative_to(root) for path in files}
