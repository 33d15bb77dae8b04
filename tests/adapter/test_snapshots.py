"""Snapshots of every strategy over a history of the source, compared with slowly changing rows kept in plain Python."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dbt.tests.util import run_dbt

FOREVER = datetime(9999, 12, 31)
START = datetime(2024, 1, 1)

# One state of the source each run: (id, part, v, w, day of the last update).
STATES: list[list[tuple[Any, ...]]] = [
    [(1, "x", "a", 1, 0), (2, "x", "b", 1, 0), (3, "x", "c", 1, 0)],
    [(1, "x", "a2", 1, 2), (3, "x", "c", 2, 2), (4, "x", "d", 1, 2)],
    [(1, "x", "a2", 1, 2), (3, "x", "c", 2, 2), (4, "x", "d", 1, 2)],
    [(1, "x", None, 1, 4), (2, "x", "b", 1, 4), (3, "x", "c", 2, 2), (4, "x", "d", 1, 2)],
    [(2, "x", "b", 1, 4), (3, "x", "c", 2, 2), (4, "x", "d2", 1, 5), (1, "y", "n", 1, 5)],
    [(2, "x", "b", 1, 4), (3, "x", "c2", 3, 6), (4, "x", "d2", 1, 5), (1, "y", "n", 1, 5), (1, "x", "r", 1, 6)],
]
# From here on the columns `v` and `w` are spelled in another case.
RENAMED = 2
META = {
    "dbt_valid_from": "Since",
    "dbt_valid_to": "until",
    "dbt_scd_id": "version_id",
    "dbt_updated_at": "noted_at",
    "dbt_is_deleted": "Is_Gone",
}
NAMES = {name: name for name in META}


@dataclass(frozen=True)
class Kind:
    """How a snapshot is configured."""

    strategy: str
    hard_deletes: str
    check: tuple[str, ...] | None = None
    is_forever: bool = False
    names: dict[str, str] = field(default_factory=lambda: NAMES)

    def model(self) -> str:
        """The snapshot's file."""
        options: dict[str, Any] = {
            "unique_key": ["id", "part"],
            "strategy": self.strategy,
            "hard_deletes": self.hard_deletes,
        }
        if self.strategy == "timestamp":
            options["updated_at"] = "updated_at"
        else:
            options["check_cols"] = list(self.check) if self.check else "all"
        if self.is_forever:
            options["dbt_valid_to_current"] = "timestamp'9999-12-31 00:00:00'"
        if self.names is not NAMES:
            options["snapshot_meta_column_names"] = self.names
        return f"{{% snapshot %NAME% %}}{{{{ config(**{options!r}) }}}} select * from {{{{ schema }}}}.src{{% endsnapshot %}}"


EVERY_KIND = {
    f"{strategy}_{deletes}{'_forever' if forever else ''}": Kind(
        strategy, deletes, is_forever=forever, names=META if forever else NAMES
    )
    for strategy in ("timestamp", "check")
    for deletes in ("ignore", "invalidate", "new_record")
    for forever in (False, True)
} | {
    "listed_invalidate": Kind("check", "invalidate", check=("v",)),
    "listed_new_record": Kind("check", "new_record", check=("V", "part")),
}
FEW = (
    *("timestamp_ignore", "timestamp_invalidate_forever", "timestamp_new_record"),
    *("check_invalidate", "check_new_record", "check_new_record_forever", "listed_new_record"),
)
KINDS = EVERY_KIND if os.environ.get("FP_ALL_SNAPSHOTS") else {name: EVERY_KIND[name] for name in FEW}


@dataclass
class Version:
    """A row of a snapshot: what the source's row was, since which run or time, until when."""

    row: tuple[Any, ...]
    since: Any
    until: Any
    is_gone: bool = False


def expected(kind: Kind) -> list[Version]:
    """The versions after all states; a run's own time is its number, the source's a datetime."""
    versions: list[Version] = []
    for run, state in enumerate(STATES):
        rows = {(row[0], row[1]): row for row in state}
        current = {version.row[:2]: version for version in versions if version.until is None}
        for key, row in rows.items():
            time = START + timedelta(days=row[4]) if kind.strategy == "timestamp" else run
            last = current.get(key)
            if last is None or last.is_gone or differs(kind, last, row):
                if last:
                    last.until = time
                versions.append(Version(row, time, None))
        for key in current.keys() - rows.keys():
            last = current[key]
            if kind.hard_deletes == "ignore" or last.is_gone:
                continue
            last.until = run
            if kind.hard_deletes == "new_record":
                versions.append(Version(last.row, run, None, is_gone=True))
    return versions


def differs(kind: Kind, last: Version, row: tuple[Any, ...]) -> bool:
    """Whether the source's row is a new version of the snapshot's last."""
    if kind.strategy == "timestamp":
        return bool(last.since < START + timedelta(days=row[4]))
    return last.row[2] != row[2] if kind.check else last.row != row


def select(state: list[tuple[Any, ...]], run: int) -> str:
    """The source's rows in SQL."""
    v, w = ("V", "W") if run >= RENAMED else ("v", "w")
    rows = [
        f"({number}, '{part}', {'cast(null as string)' if text is None else repr(text)}, {count}, {day})"
        for number, part, text, count, day in state
    ]
    return (
        f"select id, part, v as {v}, w as {w}, timestampadd(day, day, timestamp'{START}') as updated_at "
        f"from values {', '.join(rows)} as t(id, part, v, w, day)"
    )


class TestSnapshots:
    @pytest.fixture(scope="class")
    def snapshots(self):
        return {f"{name}.sql": kind.model().replace("%NAME%", name) for name, kind in KINDS.items()}

    @pytest.fixture(scope="class")
    def history(self, project):
        """The times at which each run began and ended, after the snapshots of all states."""
        times = []
        for run, state in enumerate(STATES):
            project.run_sql(f"create or replace table {project.test_schema}.src using delta as {select(state, run)}")
            began = datetime.now(UTC).replace(tzinfo=None)
            assert len(run_dbt(["snapshot"])) == len(KINDS)
            times.append((began, datetime.now(UTC).replace(tzinfo=None)))
        return times

    @pytest.mark.parametrize("name", KINDS)
    def test_versions_are_those_of_the_history(self, project, history, name):
        kind = KINDS[name]
        gone = f"{kind.names['dbt_is_deleted']} = 'True'" if kind.hard_deletes == "new_record" else "false"
        found = project.run_sql(
            f"select id, part, v, w, {kind.names['dbt_valid_from']}, {kind.names['dbt_valid_to']}, {gone},"
            f" {kind.names['dbt_updated_at']}, {kind.names['dbt_scd_id']} from {project.test_schema}.{name}",
            fetch="all",
        )

        def time_of(moment: datetime | None) -> Any:
            if moment is None or moment == FOREVER:
                assert (moment is not None) == kind.is_forever
                return None
            return next((run for run, (began, ended) in enumerate(history) if began <= moment <= ended), moment)

        shown = [(row[:4], time_of(row[4]), time_of(row[5]), row[6]) for row in found]
        wanted = [(each.row[:4], each.since, each.until, each.is_gone) for each in expected(kind)]
        assert sorted(shown, key=repr) == sorted(wanted, key=repr)
        assert all(row[7] == row[4] for row in found)
        assert len({row[8] for row in found}) == len(found)

    def test_a_change_of_case_adds_no_column(self, project, history):
        names = [each.name for each in project.adapter.get_columns_in_relation(relation(project, "check_invalidate"))]
        assert names[:5] == ["id", "part", "v", "w", "updated_at"]
        assert len({name.lower() for name in names}) == len(names)


def relation(project, name):
    return project.adapter.Relation.create(schema=project.test_schema, identifier=name, type="table")
