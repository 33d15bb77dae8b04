"""Render the SQL of transformers for a DataFrame, with dbt and the same macros as the models."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.dbt_packages import FOLDER as PACKAGES
from feature_platform_py.core.dbt_packages import link_own_package, link_packages, own_macros
from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.project import open_project, template
from feature_platform_py.core.text import yaml_argument
from feature_platform_py.features.feature_set import FeatureSet

_lock = threading.Lock()


def features_of_rows(
    relation: str,
    columns: Columns,
    feature_sets: Sequence[FeatureSet],
    *,
    names: Sequence[str] = (),
    packages: Mapping[str, Path] = MappingProxyType({}),
) -> str:
    """Return a query of the relation's rows with the features behind them, in the order of `names` if that is given.

    The macros are those of the project around the working directory (or of this package outside a project), and of the dbt packages
    given by name and folder. Raises EngineError if dbt cannot render them.
    """
    tables = [each.variable() | {"name": f"features_{number}"} for number, each in enumerate(feature_sets)]
    features = [
        {"name": column.name, "table": table["name"]}
        for table, each in zip(tables, feature_sets, strict=True)
        for column in each.features
    ]
    order = {name: number for number, name in enumerate(names)}
    features.sort(key=lambda feature: order.get(feature["name"], len(order)))
    request = {
        "relation": relation,
        "columns": [{"name": name, "type": data_type} for name, data_type in columns],
        "tables": tables,
        "features": features,
    }
    # dbt keeps its adapter, its flags and the working directory for the process.
    with _lock:
        return _compiled(request, packages)


def _compiled(request: Mapping[str, Any], packages: Mapping[str, Path]) -> str:
    root = _macro_project(_project_root(), tuple(packages.items()))
    arguments = [
        "compile",
        "--inline",
        "{{ features_of_rows(var('request')) }}",
        "--no-introspect",
        "--no-populate-cache",
    ]
    result = _dbt(root, arguments, {"request": request}, manifest=_manifest(root, _stamp(root)))
    compiled: str = result[0].node.compiled_code
    return compiled


def _project_root() -> Path:
    try:
        return open_project().root
    except ConfigurationError:
        return template()


@cache
def _macro_project(root: Path, packages: tuple[tuple[str, Path], ...]) -> Path:
    """Return a project with only the macros of another one, which dbt parses faster."""
    folder = Path(tempfile.mkdtemp(prefix="feature-platform-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("dbt_project.yml", ".dbtignore", "macros", "profiles"):
        # Also what is not there yet: a project's first macro may be written later.
        (folder / name).symlink_to(root / name)
    known = {path.name: path.resolve() for path in (root / PACKAGES).glob("*/")}
    link_packages(folder, known | dict(packages))
    link_own_package(folder)
    return folder


def _stamp(root: Path) -> tuple[tuple[str, int], ...]:
    """Return when each file of macros changed last, because it may be edited between two calls."""
    files = [*(root / "macros").rglob("*.sql"), *(root / PACKAGES).glob("*/macros/**/*.sql")]
    files += own_macros(root).resolve().rglob("*.sql")
    return tuple(sorted((str(path), path.stat().st_mtime_ns) for path in files))


@cache
def _manifest(root: Path, stamp: tuple[tuple[str, int], ...]) -> Any:  # noqa: ARG001 - another stamp, another manifest
    """Return the project as dbt parses it."""
    return _dbt(root, ["parse"], {})


def _dbt(root: Path, arguments: Sequence[str], variables: dict[str, Any], *, manifest: Any = None) -> Any:
    common = [
        *("--project-dir", str(root), "--profiles-dir", str(root / "profiles")),
        *("--log-level", "none", "--log-level-file", "none"),
        *("--vars", yaml_argument(variables), "--no-write-json", "--no-version-check", "--no-partial-parse"),
    ]
    # dbt changes to the project's folder and stays there.
    with contextlib.chdir(root):
        result = invoke_dbt([*arguments, *common], manifest=manifest)
    if result.exception is not None or not result.success:
        cause = getattr(result.exception, "__context__", None) or result.exception or result.result
        raise EngineError(f"dbt cannot render the transformer's macro: {cause}")
    return result.result
