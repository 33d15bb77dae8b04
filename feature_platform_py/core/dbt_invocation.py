"""dbt invoked in this process with the settings that the caller names, whatever the environment says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click

# Flags that a project's own `dbt_project.yml` may set too, and that change what is built or tested.
_FIXED = ("--no-fail-fast", "--indirect-selection", "eager")
_CACHE = ("--populate-cache", "--no-populate-cache")
_RECORDING = ("DBT_RECORDER_", "DBT_ENGINE_RECORDER_")


def invoke_dbt(
    arguments: Sequence[str], *, callbacks: Sequence[Callable[[Any], None]] = (), manifest: Any = None
) -> Any:
    """Return dbt's result for a command line; no environment variable of dbt's options has a say.

    `DBT_EMPTY=1` would otherwise replace a sink by no rows, and `DBT_RESOURCE_TYPES=test` fill it from old tables.
    """
    from dbt.cli.main import cli, dbtRunner

    # dbt refuses an option that is there before and after its subcommand.
    fixed = _FIXED if set(_CACHE) & set(arguments) else (*_FIXED, _CACHE[0])
    with _without_variables(cli), _without_recording():
        result = dbtRunner(manifest=manifest, callbacks=list(callbacks)).invoke([*fixed, *arguments])
    if isinstance(result.exception, KeyboardInterrupt | SystemExit):
        raise result.exception
    return result


@contextmanager
def _without_variables(command: click.Command) -> Iterator[None]:
    """Inside, no option of the command or its subcommands is read from the environment, which itself stays as it is.

    A profile may use a variable of an option's name in `env_var`, such as `DBT_TARGET`.
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
    """Inside, dbt neither records what it does nor replays a record in place of doing it, which only the environment asks for."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_RECORDING)}
    try:
        yield
    finally:
        os.environ.update(kept)
