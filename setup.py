"""Puts the project's own files into the wheel, so that `fpjob init` can write a project from an installed package."""

import runpy
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
TEMPLATE = runpy.run_path(str(ROOT / "feature_platform_py" / "scaffold" / "files.py"))


class BuildWithProject(build_py):
    """The package, and below it in `project` the files that a new project starts from."""

    def run(self) -> None:
        """Build the package, then copy; an editable install finds the files where they are."""
        super().run()
        # A build folder that is there already may hold files that are gone here.
        shutil.rmtree(Path(self.build_lib) / "feature_platform_py" / "project", ignore_errors=True)
        for name in () if self.editable_mode else TEMPLATE["project_files"](ROOT):
            target = Path(self.build_lib) / "feature_platform_py" / "project" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE["project_file"](name, ROOT), target)


setup(cmdclass={"build_py": BuildWithProject})
