"""The parts of a page that a command writes, each between two marks."""

from __future__ import annotations

from pathlib import Path


def write_between(page: Path, mark: str, text: str) -> None:
    """Replace what is between a page's marks `<!-- <mark>: begin -->` and `<!-- <mark>: end -->`; ValueError if it has none."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, has_begin, rest = page.read_text().partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        raise ValueError(f"{page}: expected the lines `{begin}` and `{end}`; put them where the text belongs")
    page.write_text("\n\n".join([before + begin, text, end + after]))
