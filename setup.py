"""Puts the macros, and the files that a new project starts from, into the wheel."""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
TEMPLATE = runpy.run_path(str(ROOT / "feature_platform_py" / "scaffold" / "files.py"))


class BuildWithProject(build_py):
    """The package, below it in `project` the files that a new project starts from, and in `dbt_package` the macros."""

    def run(self) -> None:
        """Build the package, then copy; an editable install finds the files where they are."""
        super().run()
        # A build folder that is there already may hold files that are gone here.
        package = Path(self.build_lib) / "feature_platform_py"
        for name in ("project", "dbt_package"):
            shutil.rmtree(package / name, ignore_errors=True)
        if self.editable_mode:
            return
        shutil.copytree(ROOT / "macros", package / "dbt_package")
        for name in TEMPLATE["project_files"](ROOT):
            target = package / "project" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE["project_file"](name, ROOT), target)


setup(cmdclass={"build_py": BuildWithProject})
