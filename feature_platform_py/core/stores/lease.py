"""A lock of a store: an object that its holder writes again and again, and that expires when the holder stops doing so.

Only the store's clock counts: the time of an object's last write, and of one that is written now.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.stores.errors import ChangedMeanwhileError, StoreError
from feature_platform_py.core.stores.path import StorePath

LASTS = timedelta(seconds=60)
# Three of them may fail before the lease expires.
RENEWED_EVERY = 15.0
_ASKED_AGAIN = 2.0


@dataclass(frozen=True)
class Holder:
    """What the holder of a lease wrote of itself, and when the lease ends unless it is renewed."""

    text: str
    until: datetime


class Lease:
    """A lease that this process holds, and renews until it is released."""

    def __init__(self, path: StorePath, tag: str, told: dict[str, str]) -> None:
        self._path, self._tag, self._told = path, tag, told
        self._ended, self._lost, self._renewed = threading.Event(), False, time.monotonic()
        self._thread = threading.Thread(target=self._renew, name=f"lease of {path.name}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise EngineError if this process did not renew the lease in time, so that another one may have taken it."""
        if self._lost or time.monotonic() - self._renewed > LASTS.total_seconds():
            raise EngineError(
                f"{self._path}: this run's lease was not renewed for {LASTS.seconds} s, and another run may have begun; run it again"
            )

    def release(self) -> None:
        """Stop renewing, and remove the object if it is still this process's."""
        self._ended.set()
        self._thread.join()
        with suppress(StoreError, FileNotFoundError):
            if not self._lost and self._path.read_tagged()[1] == self._tag:
                self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._ended.wait(RENEWED_EVERY):
            # An error of the network may pass until the next time.
            with suppress(StoreError):
                try:
                    # The content differs each time, and so does the tag.
                    self._tag = self._path.write_if(_content(self._told), self._tag)
                except (ChangedMeanwhileError, FileNotFoundError):
                    self._lost = not self._is_own()
                if self._lost:
                    return
                self._renewed = time.monotonic()

    def _is_own(self) -> bool:
        """Return whether the object is this lease's after all: its answer to a renewal may have been lost on the way."""
        try:
            content, self._tag = self._path.read_tagged()
        except FileNotFoundError:
            return False
        return _read(content).get("owner") == self._told["owner"]


@contextmanager
def leased(path: StorePath, text: str, *, taken: Callable[[Holder], None]) -> Iterator[Lease]:
    """Hold the lease of a path. If another process has it, call `taken` once, and wait unless that raises."""
    told, is_said = {"holder": text, "owner": uuid.uuid4().hex}, False
    while (lease := _acquired(path, told)) is None:
        holder = _holder(path)
        if holder is not None and not is_said:
            taken(holder)
            is_said = True
        if holder is not None:
            threading.Event().wait(_ASKED_AGAIN)
    try:
        yield lease
    finally:
        lease.release()


def _acquired(path: StorePath, told: dict[str, str]) -> Lease | None:
    with suppress(ChangedMeanwhileError):
        return Lease(path, path.write_if(_content(told), None), told)
    with suppress(ChangedMeanwhileError, FileNotFoundError):
        _, tag = path.read_tagged()
        written = path.object()
        if written is not None and written.tag == tag and written.written + LASTS < _now(path):
            return Lease(path, path.write_if(_content(told), tag), told)
    return None


def _holder(path: StorePath) -> Holder | None:
    """Return who has the lease; None if it was released meanwhile."""
    try:
        content, written = path.read_bytes(), path.object()
    except FileNotFoundError:
        return None
    return Holder(str(_read(content).get("holder", "")), written.written + LASTS) if written else None


def _now(path: StorePath) -> datetime:
    """Return the time by the store's clock."""
    probe = path.with_name(f".{uuid.uuid4().hex}.clock")
    probe.write_bytes(b"")
    found = probe.object()
    probe.unlink(missing_ok=True)
    if found is None:
        raise StoreError(
            f"{probe}: an object that was just written was not found; the store must show what was written"
        )
    return found.written


def _content(told: dict[str, str]) -> bytes:
    return json.dumps({**told, "turn": uuid.uuid4().hex}).encode()


def _read(content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):
        return {}
