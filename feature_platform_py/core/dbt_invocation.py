"""Invoke dbt in this process with the settings of the caller; its environment variables have no effect."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

# Flags that a project's own `dbt_project.yml` may set too, and that change what is built or tested.
_FIXED = ("--no-fail-fast", "--indirect-selection", "eager")
_CACHE = ("--populate-cache", "--no-populate-cache")
_RECORDING = ("DBT_RECORDER_", "DBT_ENGINE_RECORDER_")


def invoke_dbt(
    arguments: Sequence[str],
    *,
    callbacks: Sequence[Callable[[Any], None]] = (),
    manifest: Any = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """Return dbt's result for a command line, and ignore the environment variables of dbt's options.

    Otherwise `DBT_EMPTY=1` would empty a sink, and `DBT_RESOURCE_TYPES=test` would fill it from old tables. `environment` is
    added to the environment meanwhile.
    """
    from dbt.cli.main import cli, dbtRunner

    # dbt refuses an option that is given both before and after its subcommand.
    fixed = _FIXED if set(_CACHE) & set(arguments) else (*_FIXED, _CACHE[0])
    with _without_variables(cli), _without_recording(), _without_growth(), _added_to_environment(environment):
        result = dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke([*fixed, *arguments])
    if isinstance(result.exception, KeyboardInterrupt | SystemExit):
        raise result.exception
    return result


@contextmanager
def _without_variables(command: click.Command) -> Iterator[None]:
    """Keep the command and its subcommands from reading options in the environment, without changing the environment.

    A profile may still read a variable with an option's name by `env_var`, such as `DBT_TARGET`.
    """
    kept = [(option, option.envvar) for option in _options(command) if option.envvar]
    for option, _ in kept:
        option.envvar = None
    try:
        yield
    finally:
        for option, variable in kept:
            option.envvar = variable


def _options(command: click.Command) -> Iterator[click.Parameter]:
    yield from command.params
    for subcommand in getattr(command, "commands", {}).values():
        yield from _options(subcommand)


@contextmanager
def _without_recording() -> Iterator[None]:
    """Keep dbt from recording what it does, and from replaying a record instead; only the environment asks for these."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_RECORDING)}
    try:
        yield
    finally:
        os.environ.update(kept)


@contextmanager
def _without_growth() -> Iterator[None]:
    """Keep dbt's list of behavior flags as long as it is: each adapter adds its own to the one list of the process.

    For each flag there dbt looks through the whole stack of calls. On Databricks, the twentieth run of a process would spend
    seconds on it.
    """
    from dbt.adapters.base.impl import DEFAULT_BASE_BEHAVIOR_FLAGS as FLAGS

    kept = list(FLAGS)
    try:
        yield
    finally:
        FLAGS[:] = kept


@contextmanager
def _added_to_environment(variables: Mapping[str, str]) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
