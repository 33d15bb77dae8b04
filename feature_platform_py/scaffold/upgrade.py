"""Have a project that was written with copies of the macros take them from the platform's package instead."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from feature_platform_py.core.dbt_packages import FOLDER, OWN, is_thin, own_package, place_of_copy
from feature_platform_py.core.dbt_settings import PROJECT_FILE, dbt_settings
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import template
from feature_platform_py.scaffold.files import project_file
from feature_platform_py.scaffold.project import wheel_name

ASIDE = "before-upgrade"
_COPIES = Path(__file__).parent / "copies.txt"
_MACRO_PATHS = re.compile(r"^macro-paths: *\[ *(?P<own>[^\]\n]*?) *\]", re.MULTILINE)
# The hooks that the package has, and the keys of lists that are empty without them.
_HOOK = re.compile(
    r"""^ *- *["']\{\{ (register_sources\(\)|report_failed_tests\(results\)) \}\}["'] *\n""", re.MULTILINE
)
_WHEEL = re.compile(r"feature_platform-[\w.+]+-py3-none-any\.whl")
_JOB_MODELS = """[models, "{{ var('job_models', 'target/no_job_models') }}"]"""
_EMPTY = re.compile(r"^on-run-(start|end): *\n(?!\s*-)", re.MULTILINE)


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade does to the files of a project; all paths are relative to its root."""

    removed: tuple[Path, ...]
    """Copies of the platform's files, as one of its versions wrote them."""
    kept_aside: tuple[Path, ...]
    """The platform's macros and tests with changes of the user's."""
    aside: Path
    written: dict[Path, str]

    @property
    def is_needed(self) -> bool:
        """Whether anything changes."""
        return bool(self.removed or self.kept_aside or self.written)


def planned_upgrade(root: Path) -> Upgrade:
    """Return what makes a project take the macros from the package.

    Raises ConfigurationError for a checkout of the platform, for settings that cannot be read or that only the user can change,
    and if a link leads to what changes.
    """
    if (root / "macros" / PROJECT_FILE).is_file() and not _link_in(root, Path("macros")):
        raise ConfigurationError(
            f"{root}: expected a project that `fpjob init` wrote, found the platform's own checkout"
        )
    if not dbt_settings(root):
        raise ConfigurationError(f"{PROJECT_FILE}: expected dbt's settings as YAML, found other text; correct the file")
    removed, changed = list[Path](), list[Path]()
    for path, known in sorted(_platform_files().items()):
        if path == Path(PROJECT_FILE) or not (root / path).is_file():
            continue
        if _git_id(root / path) in known:
            removed.append(path)
        elif path.parts[0] != "models":  # a model of that name may be the user's own
            changed.append(path)
    written = {path: text for path, text in _settings(root) if text is not None}
    _check_links(root, [*removed, *changed, *written, *([] if _has_package(root) else [Path(FOLDER)])])
    return Upgrade(tuple(removed), tuple(changed), _new_folder(root), written)


def _check_links(root: Path, changed: Iterable[Path]) -> None:
    """Raise one ConfigurationError for all links on the way to what changes; what is behind a link may be another project's."""
    faults = []
    for link in dict.fromkeys(found for path in changed if (found := _link_in(root, path))):
        kind = "folder" if (root / link).is_dir() else "file"
        faults.append(
            f"{link}: expected a {kind} of the project, found a link to `{(root / link).readlink()}`, which `fpjob upgrade` would"
            f" change; replace the link by a copy of the {kind}, or remove the link"
        )
    if faults:
        raise ConfigurationError("\n".join(faults))


def _link_in(root: Path, path: Path) -> Path | None:
    """Return the first part of the way to a path of the project that is a link, or None."""
    ways = (*reversed(path.parents[:-1]), path)
    return next((way for way in ways if (root / way).is_symlink()), None)


def _has_package(root: Path) -> bool:
    """Return whether the package is where dbt looks for it, so that no link to it is made."""
    there = root / FOLDER / OWN
    return there.readlink() == own_package() if there.is_symlink() else (there / PROJECT_FILE).is_file()


def upgrade(root: Path, plan: Upgrade) -> None:
    """Do what is planned; a call that is interrupted is completed by the next one."""
    try:
        for path in plan.kept_aside:
            replace_file(root / plan.aside / path, (root / path).read_bytes())
        for path, text in plan.written.items():
            replace_file(root / path, text)
        for path in (*plan.removed, *plan.kept_aside):
            (root / path).unlink()
            _remove_empty(root, (root / path).parent)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: cannot be changed: {error.strerror}; call the command again"
        ) from error


def _settings(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield the files with settings that a project needs, with their new text, or None if that is there."""
    if not is_thin(root):
        old = _text(root / PROJECT_FILE)
        is_known = _git_id(root / PROJECT_FILE) in _platform_files()[Path(PROJECT_FILE)]
        new = project_file(PROJECT_FILE, template()).read_text(encoding="utf-8") if is_known else _edited(old)
        yield Path(PROJECT_FILE), _with_ends_of(old, new)
    ignored = project_file(".dbtignore", template()).read_text(encoding="utf-8").strip()
    yield Path(".dbtignore"), _with_line(_text(root / ".dbtignore"), ignored)
    required = _text(root / "requirements.txt")
    pinned = _WHEEL.sub(wheel_name(), required)
    yield Path("requirements.txt"), pinned if pinned != required else None
    yield Path(".gitignore"), _with_line(_text(root / ".gitignore"), f"{FOLDER}/")


def _edited(text: str) -> str:
    """Return the user's own settings of dbt with the package. Raises ConfigurationError for those that only the user can change."""
    import yaml

    package = f"{FOLDER}/{OWN}"
    edited = text.replace("\r\n", "\n")
    edited = _MACRO_PATHS.sub(
        lambda found: f"macro-paths: [{', '.join(filter(None, (found['own'].rstrip(', '), package)))}]", edited
    )
    edited = re.sub(r"\n{3,}", "\n\n", _EMPTY.sub("", _HOOK.sub("", edited)))
    settings: dict[str, Any] = yaml.safe_load(edited)
    faults = []
    if "job_models" not in str(settings.get("model-paths")):
        faults.append(f"`model-paths: {_JOB_MODELS}`")
    if package not in (settings.get("macro-paths") or []):
        faults.append(f"`macro-paths: [macros, {package}]`")
    hooks = str([settings.get("on-run-start"), settings.get("on-run-end")])
    faults += [f"no `{name}` in the hooks" for name in ("register_sources", "report_failed_tests") if name in hooks]
    if faults:
        raise ConfigurationError(
            f"{PROJECT_FILE}: expected settings as `fpjob init` writes them, given others, which stay as they are; write there"
            f" {'; '.join(faults)}; then call `fpjob upgrade` again"
        )
    return edited


@cache
def _platform_files() -> dict[Path, frozenset[str]]:
    """Return the paths of the platform's files in a project with copies, with the ids of their contents in all versions."""
    lines = [line.split() for line in _COPIES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = {Path(path): frozenset(known) for path, *known in lines}
    for file in own_package().rglob("*"):
        inside = file.relative_to(own_package())
        if file.suffix in {".sql", ".yml"} and inside != Path(PROJECT_FILE):
            path = place_of_copy(Path(), inside)
            found[path] = found.get(path, frozenset()) | {_git_id(file)}
    return found


def _git_id(file: Path) -> str:
    """Return the beginning of the id that Git gives to a file's content, with the line ends of the platform's files."""
    content = file.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()[:12]


def _with_line(text: str, line: str) -> str | None:
    if line.rstrip("/") in {each.strip().rstrip("/") for each in text.splitlines()}:
        return None
    end = "" if not text or text.endswith("\n") else "\n"
    return text + _with_ends_of(text, f"{end}{line}\n")


def _with_ends_of(old: str, new: str) -> str:
    return new.replace("\n", "\r\n") if "\r\n" in old else new


def _text(file: Path) -> str:
    """Return the file's text with its own line ends, or no text if it is not there."""
    if not file.is_file():
        return ""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file.name}: expected UTF-8 text, found other bytes; save it as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{file.name}: cannot be read: {error.strerror}") from error


def _new_folder(root: Path) -> Path:
    """Return the name of a folder that is not there yet."""
    names = (ASIDE, *(f"{ASIDE}-{number}" for number in range(2, 1000)))
    return next(Path(name) for name in names if not os.path.lexists(root / name))


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
