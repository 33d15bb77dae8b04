"""A job in a warehouse of its own, run by dbt in this process from manifests that are parsed once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import yaml
from deltalake import DeltaTable

from feature_platform_py.adapter.plugin.statements import execute
from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.project import Project, open_project
from feature_platform_py.dbt_files.prepare import prepare_job
from feature_platform_py.dbt_files.sync import bring_up_to_date
from feature_platform_py.files.delta_expiry import expired
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.dbt import jobs_left_out
from feature_platform_py.runs.sink_memory import write_sink
from feature_platform_py.sinks.sink import SinkResult
from feature_platform_py.warehouse.catalog_file import TableName
from feature_platform_py.warehouse.session import open_warehouse
from feature_platform_py.warehouse.stored_relations import commits, stored_tables
from feature_platform_py.warehouse.warehouse import Warehouse
from tests.conftest import add_entity, begin_parsed


@dataclass(frozen=True, repr=False)
class Version:
    """A job as its file is for a while: the manifest that dbt runs it from, and the SQL of a full refresh by model."""

    definition: Mapping[str, Any]
    plan: JobPlan
    arguments: tuple[str, ...]
    manifest: Any
    sql: Mapping[str, str]

    @property
    def transformers(self) -> list[dict[str, Any]]:
        """The transformers, as the oracle takes them."""
        return list(self.definition["feature_transformers"])

    @property
    def filters(self) -> list[dict[str, Any]]:
        """The filters, as the oracle takes them."""
        return list(self.definition.get("input_source", {}).get("filters", []))


@dataclass(frozen=True, repr=False)
class IncrementalJob:
    """A job over a Parquet file, in several versions."""

    name: str
    schema: pyarrow.Schema
    path: Path
    project: Project
    warehouse: Warehouse
    # Manifests are long, and failures are printed.
    versions: Sequence[Version] = field(repr=False)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Make these the rows of the source."""
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema=self.schema), self.path)

    def start(self, version: Version) -> None:
        """Leave the tables as a full refresh of the source makes them, and nothing else of the job."""
        for model in {model for each in self.versions for model in each.plan.models}:
            self.warehouse.drop(self._relation(model))
        self._refresh(version, "features")

    def clean(self) -> None:
        """Leave only the newest version of each table, and no commit before it."""
        for name in stored_tables(self.warehouse.folder):
            if name.schema == "features" and name.name.startswith(f"{self.name}__"):
                folder = self.warehouse.location(name)
                DeltaTable(folder).create_checkpoint()
                expired(folder, retention=timedelta(0), now=time.time()).remove()
                [commit] = commits(folder)
                assert len(DeltaTable(folder).file_uris()) == sum(1 for _ in folder.glob("**/part-*.parquet")), commit

    def run(self, version: Version) -> None:
        """Run dbt on the job as it is."""
        from dbt.cli.main import dbtRunner

        result = dbtRunner(manifest=version.manifest).invoke(["run", *version.arguments])
        failures = [node.message for node in result.result or () if node.status not in ("success", "no-op")]
        assert result.success, result.exception or failures

    @property
    def sink(self) -> Path:
        """The folder of the sink."""
        return self.project.root / "output" / self.name

    def write_sink(self, version: Version) -> SinkResult:
        """Write the sink after a run."""
        return write_sink(version.plan, self.project, check=lambda: None)

    def written(self, version: Version) -> pyarrow.Table:
        """What the sink holds, as other readers see it."""
        if version.plan.sink.kind == "delta_table":
            return deltalake.DeltaTable(self.sink).to_pyarrow_table()
        return pyarrow.dataset.dataset(self.sink).to_table()

    def stored(self, model: str) -> pyarrow.Table:
        """A feature table, or the job's output, as the last run left it."""
        return self._read(self._relation(model))

    def refreshed(self, version: Version) -> dict[str, pyarrow.Table]:
        """The feature tables as a full refresh of the source makes them, in another schema."""
        self._refresh(version, "refreshed")
        return {model: self._read(self._relation(model, "refreshed")) for model in version.plan.tables}

    def _refresh(self, version: Version, schema: str) -> None:
        self._read_source(version)
        for model in version.plan.tables:
            relation = self._relation(model, schema)
            self.warehouse.drop(relation)
            partition = "partitioned by (period_start)" if version.plan.period(model) else ""
            query = self._on_views(version.sql[model])
            execute(self.warehouse, f"create or replace table {relation} using delta {partition} as {query}")

    def _read(self, relation: TableName) -> pyarrow.Table:
        return self.warehouse.spark.table(str(relation)).toArrow()

    def _read_source(self, version: Version) -> None:
        self.warehouse.spark.read.parquet(str(self.path)).createOrReplaceTempView("given_rows")
        select = self._on_views(version.sql["stg_job_input"])
        self.warehouse.spark.sql(select).createOrReplaceTempView("given_input")

    def _on_views(self, sql: str) -> str:
        # The source's own name is whatever the registry says.
        staged = sql.replace(f"`features`.`{self.name}__stg_job_input`", "given_input")
        return staged.replace(f"`sources`.`{self._source}`", "given_rows")

    @property
    def _source(self) -> str:
        registered = self.versions[0].plan.source.registered
        return registered.name if registered else f"{self.name}__input"

    def _relation(self, model: str, schema: str = "features") -> TableName:
        return TableName(schema, f"{self.name}__{model}")


def prepare(
    project_root: Path,
    name: str,
    schema: pyarrow.Schema,
    definitions: Sequence[Mapping[str, Any]],
    *,
    sink: str = "overwrite_delta",
    **source: str,
) -> IncrementalJob:
    """Parse and compile each version of a job; with a `period`, and maybe `loaded_at`, its source is registered."""
    path = project_root / f"{name}.parquet"
    pyarrow.parquet.write_table(schema.empty_table(), path)
    project = open_project(project_root)
    if source:
        _register(project, name, path, schema, source)
    versions = [_version(project, name, path, definition, sink) for definition in definitions]
    warehouse = open_warehouse(project.target.engine, project.target.warehouse)
    return IncrementalJob(name, schema, path, project, warehouse, versions)


def _version(project: Project, name: str, path: Path, definition: Mapping[str, Any], sink: str) -> Version:
    from dbt.cli.main import dbtRunner

    place = {"source_type": "spark", "config": {"location": str(path), "format": "parquet"}}
    file = project.root / f"{name}.yaml"
    config = {
        "job_name": name,
        "description": "a test",
        "output_sink": {"sink_type": sink, "config": {"path": f"output/{name}"}},
        **definition,
        "input_source": place | definition.get("input_source", {}),
    }
    file.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
    plan = prepare_job(file, project)
    variables = bring_up_to_date(plan, project)
    begin_parsed(project.root, project.root / "target" / name, variables)
    arguments = (
        *("--project-dir", str(project.root), "--profiles-dir", str(project.root / "profiles")),
        *("--vars", json.dumps(variables), "--target-path", str(project.root / "target" / name)),
        *("--log-path", str(project.root / "logs"), "--log-level", "none", "--log-level-file", "none"),
        *("--no-write-json", "--no-version-check"),
    )
    parsed = invoke_dbt(["parse", *arguments], environment=jobs_left_out(project.root, [name]))
    assert parsed.success, parsed.exception
    selected = (*arguments, "--threads", "1", "--select", *map(plan.table_name, plan.models))
    compiled = dbtRunner(manifest=parsed.result).invoke(["compile", "--full-refresh", *selected])
    assert compiled.success, compiled.exception
    sql = {node.node.name.removeprefix(f"{name}__"): node.node.compiled_code for node in compiled.result}
    return Version(definition, plan, selected, parsed.result, sql)


def _register(project: Project, name: str, path: Path, schema: pyarrow.Schema, source: Mapping[str, str]) -> None:
    """Write the source's entry of the registry, and what dbt reads of it."""
    from feature_platform_py.dbt_files.sync import write_files

    entry = {
        "name": name,
        "description": "rows of a test",
        "owner": "tests",
        "entity": "sale",
        "event_time": "at",
        **source,
        "fields": [{"name": each.name, "type": _spark_type(each.type), "description": each.name} for each in schema],
        "locations": {"local": {"location": str(path), "format": "parquet"}},
    }
    file = project.root / "registry" / "source" / "given" / "v1" / f"{name}_source.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(entry, sort_keys=False))
    add_entity(project.root, "sale")
    write_files(project)


def _spark_type(data_type: pyarrow.DataType) -> str:
    if pyarrow.types.is_decimal(data_type):
        return f"decimal({data_type.precision},{data_type.scale})"
    if pyarrow.types.is_timestamp(data_type):
        return "timestamp"
    return {"int64": "bigint", "int32": "int", "date32[day]": "date"}.get(str(data_type), str(data_type))
