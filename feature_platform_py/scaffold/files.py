"""The files that a new project starts from, as paths below the root of this one; `setup.py` puts them into the wheel."""

PROJECT_FILES = (
    "dbt_project.yml",
    "profiles",
    "macros",
    "models",
    "tests/dbt",
    "registry",
    "configs",
    "data/bank",
)
