"""The sinks that a job may name: those with a module in the folder, and no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from feature_platform_py import sinks
from feature_platform_py.jobs.config import load_job_config
from feature_platform_py.jobs.schema import job_json_schema
from feature_platform_py.sinks import sinks_by_type
from feature_platform_py.sinks.delta_table import DeltaTable
from feature_platform_py.sinks.display import Display
from feature_platform_py.sinks.parquet_files import ParquetFiles
from feature_platform_py.sinks.sink import Sink, SinkType
from feature_platform_py.sinks.stored import StoredSink
from tests.unit.jobs.jobs import GOOD_JOB, problems

WITH_JSON_LINES = GOOD_JOB.replace("overwrite_parquet", "json_lines").replace("output/features", "output/rows.jsonl")


def test_a_module_in_the_folder_is_all_that_a_sink_needs(added_sink: None, tmp_path: Path) -> None:
    assert list(sinks_by_type()) == [
        "display",
        "delta_table",
        "overwrite_delta",
        "append_delta",
        "json_lines",
        "parquet_files",
        "overwrite_parquet",
        "append_parquet",
    ]
    (tmp_path / "job.yaml").write_text(WITH_JSON_LINES)
    sink = load_job_config(tmp_path / "job.yaml", environ={}).output_sink
    assert (sink.kind, sink.settings, sink.shown) == (
        "json_lines",
        {"path": "output/rows.jsonl"},
        "json_lines output/rows.jsonl",
    )


def test_editors_know_the_part_of_an_added_sink(added_sink: None) -> None:
    shapes = {shape["title"]: shape for shape in job_json_schema()["properties"]["output_sink"]["oneOf"]}
    config = shapes["json_lines"]["properties"]["config"]
    assert (config["required"], list(config["properties"])) == (["path"], ["path"])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "path: output/rows.jsonl",
            "path: a.jsonl\n    mode: append",
            (27, "`output_sink.config`: key `mode` is unknown. Known: `path`"),
        ),
        (
            "json_lines",
            "json_line",
            (
                24,
                "`output_sink.sink_type`: value `json_line` is unknown. Did you mean `json_lines`? Known: `display`, `delta_table`,"
                " `overwrite_delta`, `append_delta`, `json_lines`, `parquet_files`, `overwrite_parquet`, `append_parquet`",
            ),
        ),
        (
            "output/rows.jsonl",
            "data/bank/transactions.csv",
            (
                26,
                "`output_sink.config.path`: `data/bank/transactions.csv` is, holds or lies in the job's own input"
                " `data/bank/transactions.csv`; name another place",
            ),
        ),
    ],
)
def test_an_added_sink_is_checked_as_the_others_are(
    added_sink: None, tmp_path: Path, old: str, new: str, expected: tuple[int, str]
) -> None:
    assert problems(tmp_path, WITH_JSON_LINES.replace(old, new)) == [expected]


def test_a_sink_that_is_not_known_is_never_another_one() -> None:
    assert "json_lines" not in sinks_by_type()
    with pytest.raises(KeyError):
        sinks_by_type()["json_lines"]


def test_a_sink_without_a_way_to_write_cannot_be_made() -> None:
    class Unwritten(Sink):
        kind: ClassVar[str] = "unwritten"
        sink_types: ClassVar[Mapping[str, SinkType]] = {}

    with pytest.raises(TypeError, match=r"abstract methods .*check.*location.*shown.*write"):
        Unwritten()  # type: ignore[abstract]


@pytest.mark.parametrize("kind", [DeltaTable, ParquetFiles])
def test_a_result_of_no_known_engine_is_written_nowhere(kind: type[StoredSink]) -> None:
    with pytest.raises(AssertionError):
        kind(path="x", mode="overwrite").write(object())  # type: ignore[arg-type]


def test_two_sinks_of_one_type_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(Display):
        kind: ClassVar[str] = "other"

    monkeypatch.setattr(sinks, "_classes", lambda: [Display, Other])
    with pytest.raises(TypeError, match="the sinks Display and Other are both `display`"):
        sinks_by_type.__wrapped__()


def test_every_key_of_a_part_is_a_setting_of_its_sink() -> None:
    for sink_type, kind in sinks_by_type().items():
        known = kind.sink_types[sink_type]
        keys: dict[str, Any] = known.part.__dataclass_fields__
        assert {*keys, *known.fixed} <= set(kind.__dataclass_fields__) - {"place"}, sink_type


def test_the_schema_of_the_project_is_of_the_sinks_in_the_folder() -> None:
    schema = json.loads((Path(__file__).parents[3] / "configs" / "job.schema.json").read_text())
    assert [shape["title"] for shape in schema["properties"]["output_sink"]["oneOf"]] == list(sinks_by_type())
