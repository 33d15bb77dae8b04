"""Write a new project: a registry, sample jobs, data and models to start from; the macros stay in this package."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from filecmp import cmp
from importlib.metadata import version
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import template
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.scaffold.files import project_file, project_files

_README = """\
# {name}

Features from SQL, exact at each point in time: a dbt project on the package
`feature-platform`.

```console
$ fpjob run configs/jobs/sample_financial_features_job.yaml   # real bank data
$ fpjob docs build && fpjob docs serve                        # what there is
```

## Your own data

These commands give the buyers in a file `data/orders.csv` features at the time
of each order. Without flags, `fpjob init entity` and the others ask:

```console
$ fpjob init entity buyer --description 'Who buys.' --key buyer_id:bigint
$ fpjob init source orders --entity buyer --owner me --description 'Orders.' \\
    --location data/orders.csv
$ fpjob init group buying --entity buyer --owner me --description 'What is bought.' \\
    --source orders --feature sum:total:7d,30d --feature count:30d
$ fpjob registry sync           # writes dbt's models from these definitions
$ dbt build --select +buying    # computes and tests them
$ fpjob show buying
```

In a notebook, labels with a buyer and a time get the features of that time:

```python
from feature_platform_py import features_at

found = features_at(labels, features=["buying.*"], event_time="asked_at")
training_set = found.to_pandas()
```

`fpjob init job`, `transformer` and others add more; each has `--help`. Plain dbt
works too: `dbt build --select tag:financial`. The macros come with the package:
every `fpjob` command links them into `dbt_packages/`. Call one after a clone or
`dbt deps`, before plain dbt. `fpjob registry validate` names what still needs a
description.

## With colleagues

`requirements.txt` names the package's wheel in `wheels/`: put it there, for them
and for `.github/workflows/features.yml`, which runs the checks on each change.
`pre-commit install` runs them before each commit.
"""
_REQUIREMENTS = """\
# The package from a file, which no index can replace; or by its address: feature-platform @ git+https://HOST/OWNER/REPOSITORY@v{version}
./wheels/{wheel}
"""
IGNORED = ("dbt_packages/", "target/", "logs/", "warehouse/", "output/", ".user.yml", ".venv/")
_STAGED = ".new-project-"
_SHARED = frozenset({"README.md", ".gitignore", ".github", ".pre-commit-config.yaml", "requirements.txt"})
_OF_REPOSITORIES = re.compile(
    r"\..*|(readme|licen[cs]e|copying|notice|contributing|code_of_conduct|security|changelog|codeowners)(\..*)?"
    r"|pyproject\.toml|uv\.lock|requirements[\w.-]*\.txt",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class NewProject:
    """The written files and folders at the top of a new project, and the files that were left as they are."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def write_project(folder: Path) -> NewProject:
    """Write a project into a folder that is new, empty, or only a fresh repository.

    Existing files are not changed; the leftovers of an interrupted call are completed.
    Raises ConfigurationError that names what is in the way.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder}: expected a folder or none, found a file; name another folder")
    place = folder.resolve()
    try:
        place.mkdir(parents=True, exist_ok=True)
        for leftover in place.glob(f"{_STAGED}*"):
            shutil.rmtree(leftover)
        with tempfile.TemporaryDirectory(prefix=_STAGED, dir=place) as beside:
            staged = Path(beside)
            _fill(staged, name=place.name)
            if found := sorted(_in_the_way(staged, place)):
                raise ConfigurationError(
                    f"{folder}: expected an empty folder or a fresh repository, found {ticked(found)};"
                    " move what is in the way, or name another folder"
                )
            # Keep the folder itself: it may be a shell's working directory.
            new = [path for path in sorted(staged.iterdir()) if not _is_there(place / path.name)]
            kept = tuple(place / name for name in sorted(_SHARED) if _is_there(place / name))
            return NewProject(tuple(path.replace(place / path.name) for path in new), kept)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}; name another folder") from error


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _in_the_way(staged: Path, place: Path) -> Iterator[str]:
    """Yield the names in the folder that a fresh repository does not have and that would not be written."""
    for path in place.iterdir():
        ours = staged / path.name
        is_fine = _are_equal(ours, path) if _is_there(ours) else _OF_REPOSITORIES.fullmatch(path.name)
        if not is_fine and path.name not in _SHARED:
            yield path.name


def _are_equal(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if one.is_file() or other.is_file():
        return one.is_file() and other.is_file() and cmp(one, other, shallow=False)
    names = {path.name for path in one.iterdir()}
    return names == {path.name for path in other.iterdir()} and all(_are_equal(one / n, other / n) for n in names)


def _fill(folder: Path, *, name: str) -> None:
    root = template()
    for part in project_files(root):
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project_file(part, root), target)
    (folder / "profiles.yml").symlink_to(Path("profiles", "profiles.yml"))
    (folder / "README.md").write_text(_README.format(name=name), encoding="utf-8")
    (folder / ".gitignore").write_text("".join(f"{line}\n" for line in IGNORED), encoding="utf-8")
    requirements = _REQUIREMENTS.format(version=version("feature-platform"), wheel=wheel_name())
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    _generate(folder)


def wheel_name() -> str:
    """Return the file name of this package's wheel."""
    return f"feature_platform-{version('feature-platform')}-py3-none-any.whl"


def _generate(folder: Path) -> None:
    """Generate the files of the registry and the jobs."""
    from feature_platform_py.core.project import open_project
    from feature_platform_py.dbt_files.sync import generated_files

    for path, text in generated_files(open_project(folder, target="local")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
