"""Ask at the terminal for what the flags of `fpjob init` do not say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping

import click

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.suggestions import ticked, unknown

_MEANINGS = {
    "description": "what it is, in a sentence",
    "owner": "the team or person who answers for it",
    "entity": "what it is about",
    "location": "a file or folder of the project, or a table's name",
    "source": "where the rows come from",
    "key": "the field that identifies one, as name:type, such as shop_id:bigint",
    "model": "the dbt model that computes the features",
    "feature": "its features, as name:type",
    "user_id_col": "the column of the user",
    "timestamp_col": "the column of the event time",
    "amount_col": "the column of the amount",
    "event_time": "the column with the time of a row's event",
}
_ADDED = {"entity", "source"}
_SHOWN = 6


def asked(given: Mapping[str, str | None], known: Mapping[str, Collection[str]] | None = None) -> dict[str, str]:
    """Return the values of options; prompt for missing ones, or without a terminal raise one error with their flags.

    `known` has the possible values of an option. The prompt shows them, and asks again for any other value.
    """
    missing = [name for name, value in given.items() if not value]
    if missing and not sys.stdin.isatty():
        flags = ticked("--" + name.replace("_", "-") for name in missing)
        raise ConfigurationError(f"expected {flags}, given none; without a terminal the command cannot prompt for them")
    answers = {name: _answer(name, (known or {}).get(name, ())) for name in missing}
    return {name: value or answers[name] for name, value in given.items()}


def _answer(name: str, known: Collection[str]) -> str:
    shown = list(known)[:_SHOWN] + (["..."] if len(known) > _SHOWN else [])
    listed = f": {', '.join(shown)}" if known else ""
    text = f"{name.replace('_', '-')} ({_MEANINGS[name]}{listed})"
    return str(click.prompt(text, err=True, value_proc=_one_of(name, known)))


def _one_of(name: str, known: Collection[str]) -> Callable[[str], str]:
    def checked(typed: str) -> str:
        value = typed.strip()
        if not value or (known and value not in known):
            raise click.UsageError(
                unknown(name.replace("_", "-"), value, known=known) if value else "a value is needed"
            )
        return value

    return checked
