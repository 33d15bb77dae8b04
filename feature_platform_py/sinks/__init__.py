"""The sinks by the `sink_type` that a job names: each is a class in a module of this folder, which is all that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from feature_platform_py.sinks.sink import Sink


@cache
def sinks_by_type() -> Mapping[str, type[Sink]]:
    """Return the class of each `sink_type`; those that only show the result come first."""
    found: dict[str, type[Sink]] = {}
    for kind in sorted(_classes(), key=lambda each: (each.is_stored, each.kind)):
        for sink_type in kind.sink_types:
            if sink_type in found:
                raise TypeError(f"the sinks {found[sink_type].__name__} and {kind.__name__} are both `{sink_type}`")
            found[sink_type] = kind
    return found


def _classes() -> Iterator[type[Sink]]:
    for name in sorted(module.name for module in iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        for value in vars(module).values():
            is_own = isinstance(value, type) and value.__module__ == module.__name__
            if is_own and issubclass(value, Sink) and not isabstract(value):
                yield value
