"""What a Spark Thrift server and a Spark Connect server with a catalog of its own share: names of two parts, and URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_remote, is_table_name
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.sources.connector_errors import is_missing
from feature_platform_py.targets.sql_endpoint import SqlEndpointBackend
from feature_platform_py.warehouse.server_catalog import READ_BY_PATH

if TYPE_CHECKING:
    from feature_platform_py.sources.resolve import ResolvedSource

_CATALOG_PARTS = 2


class ClusterBackend(SqlEndpointBackend):
    """The schema of the target in the catalog of a server."""

    endpoint: ClassVar[str] = "the server's catalog"

    def source_name(self, source: ResolvedSource) -> str:
        """Return the name of the source's table, or its URL as a table of its format."""
        if is_remote(source.location):
            return f"{source.format}.{quoted(source.location)}"
        return super().source_name(source)

    def check_source(self, source: ResolvedSource) -> None:
        """Raise ConfigurationError for a path of this machine, and for files that are no table by themselves."""
        target, location = self._project.target.name, source.location
        if is_table_name(location):
            if location.count(".") >= _CATALOG_PARTS:
                raise ConfigurationError(
                    f"target `{target}`: expected a table's name such as `schema.table`, given `{location}`; {self.adapter} names no"
                    " catalogs: create a view of it, and name that"
                )
        elif not is_remote(location):
            raise ConfigurationError(
                f"target `{target}` reads tables and URLs, given the path `{location}`: the server does not see the files of this"
                " machine. Copy them to where it reads, or make a table of them, and name that"
            )
        elif source.format not in READ_BY_PATH or source.options:
            given = f"options {', '.join(source.options)}" if source.format in READ_BY_PATH else str(source.format)
            raise ConfigurationError(
                f"target `{target}` reads URLs of Delta tables and Parquet files without options, given {given} at `{location}`; make"
                f" a table of it on the server (`create table ... using {source.format} options (...)`), and name that"
            )

    def source_fault(self, said: str, name: str, shown: str) -> str | None:
        """Return why a table cannot be read."""
        if is_missing(said):
            return (
                f"{shown}: expected {name} on target `{self._project.target.name}`, the server does not know it; create it, or"
                " correct the location"
            )
        return None
