"""Give the rows of any frame the features of the project's groups at their own times, with a job that leaves nothing behind."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.features.columns import column_named, missing_column
from feature_platform_py.registry.registry import load_source_registry
from feature_platform_py.runs.job import Job
from feature_platform_py.runs.lock import building_alone
from feature_platform_py.runs.proof import Proof
from feature_platform_py.runs.result import Result, StoredResult
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.local_frames import (
    added_columns,
    arrow_table,
    as_spark_frame,
    is_pandas,
    numbered,
    pandas_frame,
    spark_frame_of,
    with_columns,
    with_readable_types,
)
from feature_platform_py.warehouse.session import open_session, open_warehouse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

NAME = "features_at"
"""The job's name, which its tables and its folders below `target/` and `logs/` carry."""


def features_at(
    frame: Any,
    *,
    features: Sequence[str | Mapping[str, Any]],
    event_time: str | None = None,
    entities: Mapping[str, str | Sequence[str]] | None = None,
    known_by: str | None = None,
    closed: str | None = None,
    project: Path | str | None = None,
    target: str | None = None,
) -> Result:
    """Return the rows of `frame` with features of the project's groups as they were known at each row's own time.

    `frame` is a DataFrame of Spark, pandas or Polars, an Arrow table, or another object with `__arrow_c_stream__`. The other
    arguments mean what the keys of a job file mean: `features=["customer_spend.*"], event_time="decided_at",
    entities={"customer": "user_id"}`. The project is the one around the working directory, or around `project`.

    The result has one row for each row of the frame, with the frame's columns first, and the proof of its features. It keeps the
    order, the index and the types of a frame of this process; rows of Spark have no order. The features are computed at once. No
    sink is written, and no table stays in the warehouse. Another call at the same time, also of another process, waits.

    Raises ConfigurationError for arguments and columns that do not fit, DataCheckError if a source breaks its rules or the proof
    disagrees, EngineError if dbt or the engine fails.
    """
    opened = open_project(Path(project) if project else None, target=target)
    if not opened.target.has_session:
        raise ConfigurationError(
            f"`features_at`: target `{opened.target.name}` has no Spark session in this process, which reads the frame; write the rows"
            " to a table of the workspace, and name it as the `location` of a job"
        )
    if not event_time:
        raise ConfigurationError(
            f"`{NAME}`: `event_time` is missing; name the frame's column with the time at which each row asks for its features"
        )
    asking = {"entities": entities, "event_time": event_time, "known_by": known_by, "closed": closed}
    given = {name: value for name, value in asking.items() if value} | {"features": list(features)}
    rows = spark_frame_of(frame)
    with building_alone(opened, f"{NAME}_call", tell=lambda _: None):
        return _of_local(frame, given, opened) if rows is None else _of_spark(rows, given, opened)


class _LocalResult(Result):
    """A result in the memory of this process."""

    def __init__(self, frame: Any, table: pa.Table, added: pa.Table, *, proof: Proof | None, project: Project) -> None:
        super().__init__(proof)
        self._frame, self._table, self._added, self._project = frame, table, added, project

    def to_arrow(self) -> pa.Table:
        """Return the rows in the order of the frame."""
        return with_columns(self._table, self._table, self._added)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows in the order of the frame; columns and index of a DataFrame of pandas stay as they are."""
        if not is_pandas(self._frame):
            return pandas_frame(self.to_arrow())
        return with_columns(self._frame, self._table, self._added)

    def to_spark(self) -> DataFrame:
        """Return the rows as a DataFrame of the session over the project's warehouse."""
        target = self._project.target
        return as_spark_frame(self.to_arrow(), open_session(target.engine, target.warehouse))

    def __repr__(self) -> str:
        names = ", ".join(self._added.column_names)
        return f"<Result of {self._table.num_rows:,} rows with {names}>"


def _of_local(frame: Any, asking: Mapping[str, Any], project: Project) -> Result:
    """Return the result for a frame of this process, of which only keys, times and a number for each row are read."""
    from pyarrow import parquet

    table = arrow_table(frame)
    names = _asked_columns(asking, table.column_names, project)
    rows, number = numbered(table.select(names))
    with _scratch(project) as folder:
        (folder / "rows").mkdir()
        parquet.write_table(with_readable_types(rows), folder / "rows" / "part-0.parquet")
        try:
            proof = _run(asking, folder, project)
        except ConfigurationError as error:
            # The job knows the columns that it was given, and people those of their frame.
            known, own = (ticked(each) for each in (rows.column_names, table.column_names))
            raise ConfigurationError(str(error).replace(f"columns: {known}", f"columns: {own}")) from error
        added = added_columns(parquet.read_table(folder / "result"), number, names)
    taken = {name.lower() for name in table.column_names}
    if twice := [name for name in added.column_names if name.lower() in taken]:
        raise ConfigurationError(
            f"`{NAME}`: the frame has columns of the features' names, {ticked(twice)}; rename them there"
        )
    return _LocalResult(frame, table, added, proof=proof, project=project)


def _of_spark(frame: DataFrame, asking: Mapping[str, Any], project: Project) -> Result:
    """Return the result for a frame of Spark, in files that live as long as this process."""
    with _scratch(project, is_kept=True) as folder:
        frame.write.parquet(str(folder / "rows"))
        if not any((folder / "rows").glob("*.parquet")):
            raise ConfigurationError(
                f"`features_at`: the frame's session does not write to `{folder}` of this machine; use the session of the project"
            )
        proof = _run(asking, folder, project)
        shutil.rmtree(folder / "rows")

    def stored() -> DataFrame:
        target = project.target
        return open_session(target.engine, target.warehouse).read.parquet(str(folder / "result"))

    return StoredResult(
        arrow=lambda: stored().toArrow(), spark=stored, proof=proof, shown=f"{NAME} on a frame of Spark"
    )


def _asked_columns(asking: Mapping[str, Any], columns: Sequence[str], project: Project) -> list[str]:
    """Return the frame's columns that may be a key or the time: those that are named, and those of the entities' own keys.

    Raises ConfigurationError for a named one that the frame lacks.
    """
    named, there = list(_named_columns(asking)), [(name, "") for name in columns]
    faults = [
        f"`{NAME}`: `{place}`: {missing_column(name, there, there='frame')}"
        for place, name in named
        if column_named(name, there) is None
    ]
    if faults:
        raise ConfigurationError("\n".join(dict.fromkeys(faults)))
    own = [(entity.name, key) for entity in load_source_registry(project.root).entities for key in entity.primary_key]
    wanted = {name.lower() for _, name in (*named, *own)}
    return [name for name in columns if name.lower() in wanted]


def _named_columns(asking: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the arguments name a column, and its name. What is not a name is left to the checks of jobs."""
    mappings = {"entities": asking.get("entities")}
    for position, each in enumerate(asking["features"]):
        if isinstance(each, Mapping):
            mappings[f"features[{position}].entities"] = each.get("entities")
    if isinstance(time := asking.get("event_time"), str):
        yield "event_time", time
    for place, mapping in mappings.items():
        for entity, names in mapping.items() if isinstance(mapping, Mapping) else ():
            listed = names if isinstance(names, list | tuple) else [names]
            yield from ((f"{place}.{entity}", name) for name in listed if isinstance(name, str))


@contextmanager
def _scratch(project: Project, *, is_kept: bool = False) -> Iterator[Path]:
    """Yield a new folder, which is removed afterwards, or if it is kept and nothing fails, when the process ends."""
    place = project.root / "target" / NAME
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=place))
    # A server may be another user.
    folder.chmod(0o777)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if is_kept:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _run(asking: Mapping[str, Any], folder: Path, project: Project) -> Proof | None:
    """Run a job over the Parquet files in `rows`, which writes its result to `result`; then drop its tables."""
    import yaml

    job = {
        "job_name": NAME,
        "input_source": {
            "source_type": "spark",
            "config": {"location": str(folder / "rows"), "format": "parquet"},
        },
        **asking,
        "output_sink": {"sink_type": "overwrite_parquet", "config": {"path": str(folder / "result")}},
    }
    file = project.caches / NAME / f"{NAME}.yaml"
    try:
        text = yaml.safe_dump(job, sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"`{NAME}`: expected texts, numbers, lists and mappings in the arguments: {error}"
        ) from error
    # `$${` stands for `${`: names of columns are not variables of the environment.
    replace_file(file, text.replace("${", "$${"))
    try:
        return Job(file, target=project.target.name).run().proof
    except ConfigurationError as error:
        faults = [each.message for each in error.problems] or [str(error)]
        raise ConfigurationError("\n".join(f"`{NAME}`: {fault}" for fault in dict.fromkeys(faults))) from error
    finally:
        _drop_tables(project)


def _drop_tables(project: Project) -> None:
    target = project.target
    warehouse = open_warehouse(target.engine, target.warehouse)
    for schema in (target.schema, target.sources_schema):
        for name in [name for name in warehouse.relations(schema) if name.startswith(f"{NAME}__")]:
            warehouse.drop(TableName(schema, name))
