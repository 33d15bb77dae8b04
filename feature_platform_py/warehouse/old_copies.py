"""Find copies of sources that nobody reads any more."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.warehouse.catalog_file import CatalogFile
from feature_platform_py.warehouse.warehouse import copies_folder


def old_copies(folder: Path, *, before: float) -> list[Path]:
    """Return the folders of copies that no relation of the warehouse reads, and of unfinished ones, last written before a time."""
    relations = CatalogFile(folder).load().values()
    # The catalog may name them by a link that a process had for a while.
    used = {Path(each.location).parts[-3:-1] for each in relations if each.location}
    copies = copies_folder(folder)
    found = [*copies.glob("*/*"), *copies.parent.glob(".copies-*")]
    return sorted(each for each in found if each.parts[-2:] not in used and each.stat().st_mtime <= before)


def bytes_of(folder: Path) -> tuple[int, int]:
    """Return how many files a folder holds, and their bytes; what a link leads to does not count."""
    sizes = [file.lstat().st_size for file in folder.rglob("*") if not file.is_dir()]
    return len(sizes), sum(sizes)
