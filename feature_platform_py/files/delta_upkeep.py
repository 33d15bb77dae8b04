"""Write checkpoints of Delta tables, and join their small files; values stay as they are."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

from feature_platform_py.core.errors import DataCheckError
from feature_platform_py.files.columns import shown
from feature_platform_py.files.delta_expiry import CHECKPOINT_EVERY
from feature_platform_py.files.delta_log import TableState, last_checkpoint, log_files, replayed

# From so many files below so many bytes on, the files of a partition are joined.
MANY = 20
SMALL_BYTES = 32 * 1024 * 1024


def write_checkpoint(table: Path) -> None:
    """Write a checkpoint of the newest version if the last one is too many commits old."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    version = int(log_files(table)[-1].stem)
    if version - last_checkpoint(table, version)[0] > CHECKPOINT_EVERY:
        # The writer does not know every kind of table; the log of another one is not cut.
        with suppress(DeltaError):
            DeltaTable(str(table)).create_checkpoint()


def small_files(table: Path) -> int:
    """Return how many files of a table are so small and so many that joining them pays; 0 where that cannot be done exactly.

    Columns with names of their own in the files are not supported by the writer, and statistics in the log would be taken for values.
    """
    state = replayed(table)
    if not _can_be_joined(state):
        return 0
    small = Counter(
        json.dumps(added.get("partitionValues"), sort_keys=True)
        for added in state.files.values()
        if added["size"] < SMALL_BYTES
    )
    return sum(number for number in small.values() if number >= MANY)


def join_small_files(table: Path) -> None:
    """Write the rows of small files into larger ones, in a commit that says that no row changes. Raises DataCheckError."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        DeltaTable(str(table)).optimize.compact(target_size=SMALL_BYTES)
    except DeltaError as error:
        raise DataCheckError(f"{shown(table)}: its small files cannot be joined: {error}") from error


def _can_be_joined(state: TableState) -> bool:
    is_plain = state.protocol.get("minReaderVersion") == 1
    return is_plain and state.properties.get("delta.dataSkippingNumIndexedCols") == "0"
