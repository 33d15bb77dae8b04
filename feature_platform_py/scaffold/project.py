"""A new project: this one's own models, macros, registry and sample job, to start from."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.scaffold.files import PROJECT_FILES

_README = """\
# {name}

Features from SQL, exact at each point in time, on [dbt](https://docs.getdbt.com/) and the package `feature-platform`.

```console
$ fpjob run configs/jobs/sample_financial_features_job.yaml   # the sample job, on real bank data
$ fpjob registry validate && fpjob registry sync --check      # is the registry right, and dbt's YAML up to date?
$ fpjob docs build                                            # the feature catalogue, in target/docs
```

`fpjob init entity`, `source`, `feature`, `job` and `transformer` add more; each tells its options with `--help`. Plain dbt works too:
`dbt build --select tag:financial`.
"""
_IGNORED = "target/\nlogs/\nwarehouse/\noutput/\n.user.yml\n.venv/\n"


def write_project(folder: Path) -> list[Path]:
    """Write a project into a folder that is empty or not there yet, whole or not at all; returns what lies at its top.

    Raises ConfigurationError if the folder holds anything.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        found = "a file" if not folder.is_dir() else f"`{sorted(path.name for path in folder.iterdir())[0]}` in it"
        raise ConfigurationError(f"{folder}: expected an empty folder or none, found {found}; name another folder")
    place = folder.resolve()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-project-", dir=place) as beside:
            _fill(Path(beside), name=place.name)
            # The folder itself stays what it is: a shell may stand in it.
            return sorted(path.replace(place / path.name) for path in Path(beside).iterdir())
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be written: {error.strerror}; name another folder") from error


def _fill(folder: Path, *, name: str) -> None:
    root = template()
    for part in PROJECT_FILES:
        target = folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (root / part).is_dir():
            shutil.copytree(root / part, target, ignore=shutil.ignore_patterns("__pycache__", ".user.yml"))
        else:
            shutil.copy(root / part, target)
    (folder / "profiles.yml").symlink_to(Path("profiles", "profiles.yml"))
    (folder / "README.md").write_text(_README.format(name=name), encoding="utf-8")
    (folder / ".gitignore").write_text(_IGNORED, encoding="utf-8")


def template() -> Path:
    """The files in the installed package; in a checkout, the checkout's."""
    package = Path(__file__).parents[1]
    return package / "project" if (package / "project").is_dir() else package.parent
