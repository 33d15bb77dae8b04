"""Find transformers by name: built in, registered, of the project, or of an installed package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeVar, overload

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.fields import place_of, read_part
from feature_platform_py.core.project_code import is_project_code_refused
from feature_platform_py.core.suggestions import ticked, unknown
from feature_platform_py.features import built_in
from feature_platform_py.features.transformer import FeatureTransformer, transformer_classes

Transformer = TypeVar("Transformer", bound=FeatureTransformer)


def _built_in() -> Iterator[type[FeatureTransformer]]:
    """Yield the classes of the modules in `built_in/`, in the order of their modules and then of their lines."""
    for module in sorted(each.name for each in iter_modules(built_in.__path__)):
        yield from transformer_classes(import_module(f"{built_in.__name__}.{module}"))


BUILT_IN: Mapping[str, type[FeatureTransformer]] = {kind.__name__: kind for kind in _built_in()}
_registered: dict[str, type[FeatureTransformer]] = {}


class TransformerRegistry(Mapping[str, type[FeatureTransformer]]):
    """The transformers by name. Those of a project or a package are read when a name is not built in.

    Raises ConfigurationError then, if one of them cannot be loaded.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._found: dict[str, type[FeatureTransformer]] | None = None

    def __getitem__(self, name: str) -> type[FeatureTransformer]:
        known = BUILT_IN.get(name) or _registered.get(name)
        return known or self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @property
    def not_loaded(self) -> tuple[str, ...]:
        """The files of the project's Python transformers that may not be run."""
        if self._root is None or not is_project_code_refused():
            return ()
        from feature_platform_py.features.discovery import project_modules

        return tuple(path.relative_to(self._root).as_posix() for path in project_modules(self._root))

    def _all(self) -> Mapping[str, type[FeatureTransformer]]:
        if self._found is None:
            from feature_platform_py.features.discovery import package_transformers, project_transformers

            of_project = project_transformers(self._root) if self._root else {}
            self._found = _without_clashes(of_project, package_transformers())
        return {**BUILT_IN, **self._found, **_registered}


TRANSFORMER_REGISTRY = TransformerRegistry()
"""The transformers outside of any project."""


def transformers_of(root: Path) -> TransformerRegistry:
    """Return the transformers that a job of the project may name, with those of its folder `transformers/`."""
    return TransformerRegistry(root)


@overload
def register_transformer(name: type[Transformer]) -> type[Transformer]: ...
@overload
def register_transformer(name: str) -> Callable[[type[Transformer]], type[Transformer]]: ...
def register_transformer(name: Any) -> Any:
    """Register a transformer for jobs and `get_transformer`, under its class's name or the given one. A class decorator.

    `@register_transformer` or `@register_transformer("Name")`. Raises ConfigurationError if the name is another class's.
    """
    return (lambda kind: _register(name, kind)) if isinstance(name, str) else _register(name.__name__, name)


def get_transformer(
    name: str, params: Mapping[str, Any] | None = None, *, project: Path | None = None
) -> FeatureTransformer:
    """Return the named transformer with its parameters; `project` is a folder whose own transformers are searched too.

    Raises one ConfigurationError with every fault of the name and the parameters.
    """
    known = transformers_of(project) if project else TRANSFORMER_REGISTRY
    if name not in known:
        raise ConfigurationError(unknown_transformer(name, known))
    problems: list[Problem] = []
    found = read_part(known[name], place_of(params or {}), problems)
    if found is None:
        raise ConfigurationError("\n".join(f"transformer `{name}`: {problem.message}" for problem in problems))
    return found


def unknown_transformer(name: str, known: Mapping[str, type[FeatureTransformer]]) -> str:
    """Return the message for an unknown transformer; name the files that were not loaded."""
    not_loaded = known.not_loaded if isinstance(known, TransformerRegistry) else ()
    left_out = f". Not loaded, because of `--no-project-code`: {ticked(not_loaded)}" if not_loaded else ""
    return unknown("transformer", name, known=known) + left_out


def _register(name: str, kind: type[Transformer]) -> type[Transformer]:
    known = BUILT_IN.get(name) or _registered.get(name)
    # A notebook's cell may run again, and a module may be imported again.
    if known and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ConfigurationError(
            f"transformer `{name}`: `{known.__module__}.{known.__qualname__}` already has the name; give this one another"
        )
    _registered[name] = kind
    return kind


def _without_clashes(
    of_project: Mapping[str, type[FeatureTransformer]], of_packages: Mapping[str, type[FeatureTransformer]]
) -> dict[str, type[FeatureTransformer]]:
    """Return all transformers. Raises ConfigurationError for names with two transformers."""
    taken = [name for name in of_project if name in of_packages] + [
        name for name in (*of_project, *of_packages) if name in BUILT_IN
    ]
    if taken:
        raise ConfigurationError(f"more than one transformer is called {ticked(dict.fromkeys(taken))}; rename yours")
    return {**of_packages, **of_project}
