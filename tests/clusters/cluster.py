"""A server with the bank's tables and the odd ones of the parity suite, and a copy of the project whose target is on it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_platform_py.core.project import open_project
from feature_platform_py.registry.source import load_sources
from feature_platform_py.targets import backend_of
from feature_platform_py.targets.sql_endpoint import SqlEndpointBackend
from tests.clusters.server import APART, Server
from tests.parity.engines import Engine
from tests.parity.test_parity import Stored, differences, stored

PAYMENTS = """\
job_name: payments
input_source:
  source_type: spark
  config: {location: shop.payments}
feature_transformers:
  - name: UserSpendAggregator
    params: {user_id_col: buyer, timestamp_col: paid_at, amount_col: amount, window_days: 7}
output_sink:
  sink_type: overwrite_delta
  config: {path: shop.spend}
"""
_ROWS = (
    "(1, timestamp'2024-01-01 10:00:00', cast(2 as decimal(9, 2))), (1, timestamp'2024-01-03 10:00:00', cast(3 as decimal(9, 2))),"
    " (2, timestamp'2024-03-03 10:00:00', cast(5 as decimal(9, 2)))"
)


@dataclass(frozen=True)
class Cluster:
    """A running server, and the project whose target is on it."""

    server: Server
    project: Path
    target: str

    @property
    def backend(self) -> SqlEndpointBackend:
        found = backend_of(open_project(self.project, target=self.target))
        assert isinstance(found, SqlEndpointBackend)
        return found

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.backend.execute(statement)

    def rows(self, table: str) -> list[tuple[object, ...]]:
        return sorted(self.backend.query(f"select * from {table}").values, key=repr)

    def load_bank(self) -> None:
        """Have the registered sources of the financial jobs as tables, where the registry says that they are."""
        self.run(*(f"create schema {name}" for name in ("mm", "shop", "results")))
        for source in (each for each in load_sources(self.project) if each.name != "mm_review"):
            file = self.server.put(self.project / source.locations["local"].location)
            columns = ", ".join(f"cast(`{name}` as {kind}) as `{name}`" for name, kind in source.columns)
            texts = ", ".join(f"`{name}` string" for name, _ in source.columns)
            header = source.columns[0][0]
            lines = f"select from_csv(value, '{texts}') as row from text.`{file}` where value not like '{header},%'"
            table = source.locations[self.target].location
            self.run(f"create table {table} using delta as select {columns} from (select row.* from ({lines}))")

    def load_payments(self) -> None:
        """Have three payments, whatever was there."""
        names = "t (buyer, paid_at, amount)"
        self.run(f"create or replace table shop.payments using delta as select * from values {_ROWS} as {names}")

    def load_odd_tables(self, cases: Sequence[str]) -> None:
        """Have the odd data of cases as tables, which their jobs then read."""
        self.run("create schema odd")
        for case in cases:
            file = self.project / "odd" / f"{case}.parquet"
            if file.exists():
                properties = "tblproperties ('delta.columnMapping.mode' = 'name')"
                rows = f"select * from parquet.`{self.server.put(file)}`"
                self.run(f"create table odd.{case} using delta {properties} as {rows}")
                job = self.project / "configs" / "jobs" / f"{case}.yaml"
                text = job.read_text(encoding="utf-8").replace(f"odd/{case}.parquet", f"odd.{case}")
                job.write_text(re.sub(r"\n +format: parquet", "", text), encoding="utf-8")

    def differing(
        self, cases: Sequence[str], local: Path, log: Path, environment: Mapping[str, str]
    ) -> dict[str, object]:
        """Run cases in a process that cannot open the server's files; return those whose results are not those of `local`."""
        engine = Engine(self.target, environment, log, prefix=APART)
        try:
            for case in cases:
                engine.run(self.project, case)
        finally:
            engine.close()
        found = ((case, differences(self.stored(case), stored(local, case))) for case in cases)
        return {case: different for case, different in found if different}

    def stored(self, case: str) -> Stored:
        """The columns of a case's result with their types, and its rows in an order of their own."""
        rows = self.backend.arrow(f"select * from results.{case}").to_pylist()
        return list(self.backend.columns(f"results.{case}")), sorted((tuple(row.values()) for row in rows), key=repr)

    def plain_dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt as a process that cannot open the server's files."""
        dbt = (*APART, str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments)
        places = ("--profiles-dir", "profiles", "--target", self.target)
        return subprocess.run([*dbt, *places], cwd=self.project, capture_output=True, text=True, check=False)


def lines_after_nodes(stderr: str) -> str:
    """What a run says after its last node."""
    return stderr.partition("job_features")[2].partition("\n")[2]


def add_locations(project: Path, target: str) -> None:
    """Have the registry say that a target's tables are where those of `thrift` are."""
    for file in (project / "registry" / "source").rglob("*_source.yaml"):
        text = file.read_text(encoding="utf-8")
        [place] = re.findall(r"^  thrift:\n(?:    .*\n)+", text, re.MULTILINE)
        file.write_text(text.replace(place, place + place.replace("thrift", target)), encoding="utf-8")
