"""Refuse columns of rows that count whose names the queries over them use for columns of their own."""

from __future__ import annotations

from collections.abc import Iterator

from feature_platform_py.core.document import Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.jobs.point_in_time import ASKS, KNOWN_AT, Use
from feature_platform_py.registry.feature import Versions

_OF_ALL = frozenset({ASKS, "_feature_set", "_input_fingerprint", "_input_loaded_at", "period_start"})
_OF_LATE_ROWS = frozenset({KNOWN_AT, "_arrival"})
_OF_VERSIONS = frozenset({"_micros", "_version", "_rank", "_next_time"})
# Queries of keys and what is known of each have no other columns of the rows.
_BESIDE_KEYS = frozenset({"_first", "_last"})
_BESIDE_KEYS_OF_LATE_ROWS = frozenset({"_at", "_missing", "_happened"})


def own_name_problems(use: Use, place: Place, shown: str) -> Iterator[Problem]:
    """Yield a problem for each such column that a use reads; `shown` names whose rows they are, and `place` asks for them."""
    taken = _OF_ALL | (_OF_LATE_ROWS if use.known else frozenset())
    taken |= _OF_VERSIONS if isinstance(use.definition, Versions) else frozenset()
    beside_keys = taken | _BESIDE_KEYS | (_BESIDE_KEYS_OF_LATE_ROWS if use.known else frozenset())
    for name, _ in use.columns:
        if name.lower() in (beside_keys if name in use.keys else taken):
            said = f"{shown} have a column `{name}`, a name that feature tables use for a column of their own"
            yield place.problem(f"`{place.name}`: {said}; rename it there")
