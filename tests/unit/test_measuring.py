"""Coverage is not measured, and slows nothing down, in a test that is marked so."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest


def traced() -> set[bool]:
    """Whether this thread and a new one are traced."""
    found = {sys.gettrace() is not None}
    thread = threading.Thread(target=lambda: found.add(sys.gettrace() is not None))
    thread.start()
    thread.join()
    return found


@pytest.fixture
def is_traced_outside() -> Iterator[set[bool]]:
    yield traced()
    assert traced() == {False}


@pytest.mark.no_cover
def test_a_test_that_is_not_measured_is_not_traced(is_traced_outside: set[bool]) -> None:
    assert traced() | is_traced_outside == {False}
