"""Tables and files that a Spark session reads."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from feature_platform_py.core.data_types import Columns
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import inferred_format, is_table_name
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.files.columns import Readings
from feature_platform_py.sources.base import Source
from feature_platform_py.warehouse.external_sources import (
    ExternalSource,
    check_declared,
    describe_source,
    external_source,
    source_copy,
    source_snapshot,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class SparkSource(Source):
    """A table by its name, or files by their path; relative paths start at `folder` (the working directory).

    `fields` are the (name, type) columns that must exist, and the types of columns of CSV and JSON files; other columns may exist.
    `readings` describe how columns of such files are read, by their names in the files.
    """

    location: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    fields: Columns | None = None
    folder: Path | None = None
    readings: Readings = field(default_factory=dict)

    def read(self, session: SparkSession) -> DataFrame:
        """Return the rows. Raises ConfigurationError if the file or a declared column is missing, or has another type."""
        return self._read_table(session) if is_table_name(self.location) else self._read_files(session)

    def _read_table(self, session: SparkSession) -> DataFrame:
        frame = session.table(self.location)
        actual = [(column.name, column.dataType.simpleString()) for column in frame.schema]
        check_declared(ExternalSource(self.location, "delta", {}, self.fields or ()), actual)
        return frame

    def _read_files(self, session: SparkSession) -> DataFrame:
        file_format = self.format or inferred_format(self.location)
        if file_format is None:
            raise ConfigurationError(
                f"`{self.location}` does not show its format; expected one of delta, parquet, csv and json as `format`"
            )
        source = external_source(
            self.location,
            file_format,
            options=self.options,
            columns=self.fields or (),
            readings=self.readings,
            folder=self.folder,
        )
        if not source.is_text:
            check_declared(source, describe_source(session, source, copies=_copies()))
        if source.is_copied:
            return session.read.parquet(str(source_copy(source, _copies())))
        if source.is_snapshot:
            return session.read.format("delta").load(str(source_snapshot(source, _copies())))
        return session.read.format(source.format).options(**source.options).load(source.read_at or source.location)


@cache
def _copies() -> Path:
    """Return a folder for Parquet copies; it is removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="feature_platform_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class DatabricksSparkSource(Source):
    """A location as jobs name it: that of a registered source on any target, or another table or path.

    A registered source is read at its location on the project's target, and must have the declared columns.
    """

    location: str
    format: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    project: Project | None = None

    def read(self, session: SparkSession) -> DataFrame:
        """Return the rows. Raises ConfigurationError that names every declared column that is missing or of another type."""
        return self._resolved().read(session)

    def _resolved(self) -> SparkSource:
        from feature_platform_py.registry.registry import load_source_registry
        from feature_platform_py.sources.input_source import InputSource
        from feature_platform_py.sources.resolve import resolve_input

        project = self.project or open_project()
        named = InputSource("databricks_spark", location=self.location, format=self.format, options=self.options)
        found = resolve_input(named, load_source_registry(project.root), project)
        return SparkSource(
            found.location, found.format, found.options, found.columns, folder=project.root, readings=found.readings
        )
