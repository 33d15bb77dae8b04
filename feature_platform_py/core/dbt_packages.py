"""dbt packages that pip has installed, the platform's own among them, where dbt looks for packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from feature_platform_py.core.dbt_settings import PROJECT_FILE, dbt_settings, settings_in
from feature_platform_py.core.errors import ConfigurationError

FOLDER = "dbt_packages"
OWN = "feature_platform_macros"
"""The package of the platform's macros and generic tests."""
_LISTS = ("packages.yml", "dependencies.yml")
_VERSION = re.compile(r"^version: *['\"]?([\w.+-]+)", re.MULTILINE)


def own_package() -> Path:
    """Return the folder of the platform's macros: in the installed package, or of the checkout."""
    package = Path(__file__).parents[1]
    return package / "dbt_package" if (package / "dbt_package").is_dir() else package.parent / "macros"


def own_macros(root: Path) -> Path:
    """Return the folder with the platform's macros of a project: its package, or for a project with copies its own."""
    return root / FOLDER / OWN if is_thin(root) else root / "macros"


def is_thin(root: Path) -> bool:
    """Return whether a project takes the macros from the platform's package, and has no copies of them."""
    paths = dbt_settings(root).get("macro-paths")
    return any(_names_package(str(path)) for path in (paths if isinstance(paths, list) else [paths]))


def _names_package(path: str) -> bool:
    """Return whether a path of `macro-paths` is the package's; Jinja in which the package is named may yield it."""
    package = f"{FOLDER}/{OWN}"
    return package in path if "{{" in path else PurePosixPath(path) == PurePosixPath(package)


def has_other_copies(root: Path) -> bool:
    """Return whether a project's macros are copies of the platform's, of which one differs from the installed one. Raises OSError."""
    if is_thin(root) or (root / "macros" / PROJECT_FILE).is_file():  # a checkout of the platform has the package itself
        return False
    return any(
        _text_of(copy) != _text_of(file)
        for file in own_package().rglob("*.sql")
        if (copy := place_of_copy(root, file.relative_to(own_package()))).is_file()
    )


def place_of_copy(root: Path, inside: Path) -> Path:
    """Return where earlier versions put a copy of a file of the package."""
    is_test = inside.parts[0] == "generic_tests"
    return root.joinpath("tests", "dbt", "generic", *inside.parts[1:]) if is_test else root / "macros" / inside


def _text_of(file: Path) -> bytes:
    return file.read_bytes().replace(b"\r\n", b"\n")


def link_own_package(root: Path) -> bool:
    """Link the platform's package into a project that uses it, and return whether the link is new.

    A package that `dbt deps` has put there stays. Raises ConfigurationError if that has another version than this program.
    """
    if not is_thin(root):
        return False
    there, ours = root / FOLDER / OWN, own_package()
    is_installed = not there.is_symlink() or _is_listed(there.resolve(), root)
    if is_installed and (there / PROJECT_FILE).is_file():
        _check_version(there, ours)
        return False
    return link_packages(root, {OWN: ours})


def _is_listed(folder: Path, root: Path) -> bool:
    """Return whether the project's list of packages names a folder of this machine, to which `dbt deps` makes a link."""
    lists = [settings_in(root / name).get("packages") for name in _LISTS]
    listed = [each for packages in lists if isinstance(packages, list) for each in packages]
    places = [str(each["local"]) for each in listed if isinstance(each, dict) and "local" in each]
    return any((root / place).resolve() == folder for place in places)


def _check_version(there: Path, ours: Path) -> None:
    found, expected = _version(there), _version(ours)
    if found != expected:
        raise ConfigurationError(
            f"{FOLDER}/{OWN}: expected version {expected}, which belongs to the installed `fpjob`, found {found}; give"
            " `packages.yml` that version and run `dbt deps`, or remove the folder and have it linked"
        )


def _version(folder: Path) -> str:
    found = _VERSION.search((folder / PROJECT_FILE).read_text(encoding="utf-8"))
    return found[1] if found else "none"


def link_packages(root: Path, packages: Mapping[str, Path]) -> bool:
    """Link the packages' folders, given by their names, into the project's `dbt_packages`, as `dbt deps` links local ones.

    Return whether a link is new. Raises ConfigurationError if a folder, and not a link, has one of the names, and if the project
    cannot be written.
    """
    is_new = False
    for name, folder in packages.items():
        link = root / FOLDER / name
        if link.is_symlink() and link.readlink() == folder:
            continue
        if link.exists() and not link.is_symlink():
            raise ConfigurationError(f"{link}: expected a link to `{folder}`, found a folder; remove it")
        try:
            _link(link, folder)
        except OSError as error:
            raise ConfigurationError(
                f"{link}: expected to link it to `{folder}`: {error.strerror}; make the project's folder writable"
            ) from error
        is_new = True
    return is_new


def _link(link: Path, folder: Path) -> None:
    """Make the link; another process may make the same one."""
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(folder, target_is_directory=True)
