"""The jobs that docs/ shows are valid, and the pages name all that a job file may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feature_platform_py.features.row_filters import LIST_OPERATORS, NULL_OPERATORS, ORDER_OPERATORS
from feature_platform_py.files.options import KNOWN
from feature_platform_py.jobs.schema import job_json_schema
from tests.conftest import ROOT, Fpjob

PAGE = ROOT / "docs/jobs.md"
_JOB = re.compile(r"^```yaml\n(job_name: .+?)^```$", re.DOTALL | re.MULTILINE)


def test_the_jobs_of_the_docs_are_valid(project: Path, fpjob: Fpjob) -> None:
    files = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for number, job in enumerate(_JOB.findall(page.read_text(encoding="utf-8"))):
            files.append(project / f"{page.stem}_{number}.yaml")
            files[-1].write_text(job)
    assert len(files) >= 4
    outcome = fpjob("validate", *files)
    assert outcome.status == 0, outcome.stderr


def names_of(schema: Any) -> Iterator[str]:
    """Yield the keys of a JSON Schema's objects and the values of its choices."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        yield from (str(each) for each in schema.get("enum", ()))
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from names_of(inner)


def test_the_page_names_every_key_and_every_choice() -> None:
    named = set(re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8")))
    schema = job_json_schema()
    # The pages on sources and sinks have the options of readers and writers, and how columns are declared, and that on aggregations
    # what a feature is.
    for transformer in schema["properties"]["feature_transformers"]["items"]["oneOf"]:
        transformer["properties"]["params"]["properties"].pop("features", None)
    schema["properties"]["targets"]["items"]["properties"]["function"].pop("enum")
    for shape in schema["properties"]["input_source"]["oneOf"]:
        shape["properties"]["config"]["properties"].pop("columns", None)
    for shape in schema["properties"]["output_sink"]["oneOf"]:
        shape["properties"]["config"]["properties"].get("options", {}).pop("properties", None)
    expected = {*names_of(schema), *LIST_OPERATORS, *NULL_OPERATORS, *ORDER_OPERATORS, "columns"}
    assert expected - named == set()
    assert len(expected) > 40


def test_the_page_on_sources_names_every_option() -> None:
    named = set(re.findall(r"`([^`\n]+)`", (ROOT / "docs/sources.md").read_text(encoding="utf-8")))
    assert {name for names in KNOWN.values() for name in names} - named == set()
