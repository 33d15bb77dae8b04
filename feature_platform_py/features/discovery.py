"""Find transformers of users: in a project's folder `transformers/`, and by entry points of installed packages."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project_code import is_project_code_refused
from feature_platform_py.features.definitions import read_definitions
from feature_platform_py.features.transformer import FeatureTransformer, transformer_classes

ENTRY_POINTS = "feature_platform.transformers"
FOLDER = "transformers"


def project_transformers(root: Path) -> dict[str, type[FeatureTransformer]]:
    """Return a project's transformers: classes of `transformers/*.py`, which this runs, and SQL ones of `transformers/*.yaml`.

    Raises ConfigurationError if a module cannot be imported, a definition is wrong, or two have one name.
    """
    found: dict[str, type[FeatureTransformer]] = dict(read_definitions(root / FOLDER))
    for path in [] if is_project_code_refused() else project_modules(root):
        for kind in transformer_classes(_module(path)):
            if kind.__name__ in found:
                raise ConfigurationError(
                    f"{path}: `{kind.__name__}` is the name of another file's transformer; rename one of them"
                )
            found[kind.__name__] = kind
    return found


def project_modules(root: Path) -> list[Path]:
    """Return the Python files of a project that may hold transformers."""
    return sorted((root / FOLDER).glob("*.py"))


def package_transformers() -> dict[str, type[FeatureTransformer]]:
    """Return the transformers of installed packages.

    An entry point of the group `feature_platform.transformers` names a class, or a Python package whose folder is a dbt package with
    SQL transformers. Raises ConfigurationError if one cannot be loaded.
    """
    found: dict[str, type[FeatureTransformer]] = {}
    for entry_point in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name):
        for name, kind in _offered(entry_point):
            if name in found:
                raise ConfigurationError(f"two installed packages offer a transformer `{name}`; remove one of them")
            found[name] = kind
    return found


def _offered(entry_point: EntryPoint) -> Iterator[tuple[str, type[FeatureTransformer]]]:
    offer = f"the installed package `{entry_point.dist.name if entry_point.dist else entry_point.value}`"
    try:
        loaded = entry_point.load()
    except Exception as error:
        raise ConfigurationError(
            f"{offer} offers `{entry_point.value}`, which cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if isinstance(loaded, type) and issubclass(loaded, FeatureTransformer):
        yield entry_point.name, loaded
        return
    folder = Path(str(getattr(loaded, "__file__", None) or "")).parent
    if not isinstance(loaded, ModuleType) or not (folder / "dbt_project.yml").is_file():
        expected = "a FeatureTransformer, or a package whose folder has a `dbt_project.yml`"
        raise ConfigurationError(f"{offer} offers `{entry_point.value}` as a transformer; expected {expected}")
    yield from read_definitions(folder / FOLDER, package=_dbt_name(folder), package_folder=folder).items()


def _dbt_name(folder: Path) -> str:
    import yaml

    content = yaml.safe_load((folder / "dbt_project.yml").read_text(encoding="utf-8"))
    return str(content["name"])


def _module(path: Path) -> ModuleType:
    name = f"_feature_platform_{FOLDER}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path}: expected a Python module")
    module = importlib.util.module_from_spec(spec)
    # Pydantic looks up annotations in the module of a class.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = frames[-1].lineno if frames else getattr(error, "lineno", 1)
        raise ConfigurationError(
            f"{path}:{line}: the module cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module
