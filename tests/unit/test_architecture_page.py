"""The picture in docs/architecture.md has the floors of the package, in their order."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.test_floors import FLOORS

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_picture_has_the_floors() -> None:
    rows = re.findall(r"^│ ([a-z_]+(?: +[a-z_]+)*) +│ \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(tuple(row.split()) for row in rows) == FLOORS
