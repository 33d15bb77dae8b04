"""What is written from the registry and from the code: dbt's source YAML, one file a source, the default of the dbt variable
`job` from the sample job, and the JSON Schemas for editors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.locations import is_table_name, table_parts
from feature_platform_py.core.project import Project
from feature_platform_py.jobs.plan import EXTERNAL_SCHEMA, job_variable
from feature_platform_py.jobs.prepare import prepare_job
from feature_platform_py.jobs.schema import json_schema_text
from feature_platform_py.registry.schema import json_schema_texts
from feature_platform_py.registry.source import RegisteredSource, load_sources

SAMPLE_JOB = Path("configs/jobs/sample_financial_features_job.yaml")

_HEADER = "# Generated from {origin} by `fpjob registry sync`; edit that instead.\n"
_JOB_BLOCK = re.compile(r"(  # >>> generated .*\n)(?:.*\n)*?(  # <<< generated\n)")


def generated_files(project: Project) -> dict[Path, str]:
    """The text of every generated file by its path below the project's root."""
    files = {_source_path(source): _source_file(source) for source in load_sources(project.root)}
    files[Path("dbt_project.yml")] = _with_job_default(project)
    files[Path("configs", "job.schema.json")] = json_schema_text()
    return files | {Path("registry", f"{kind}.schema.json"): text for kind, text in json_schema_texts().items()}


def stale_files(project: Project) -> dict[Path, tuple[str, str]]:
    """The files whose text differs from what it should be, as (what is there, what should be)."""
    wanted = generated_files(project)
    there = {path: _text(project.root / path) for path in wanted}
    left_over = set((project.root / "models" / "sources").glob("*__v*__*.yml")) - {
        project.root / path for path in wanted
    }
    stale = {path: (there[path], text) for path, text in wanted.items() if there[path] != text}
    return stale | {path.relative_to(project.root): (_text(path), "") for path in left_over}


def write_files(project: Project) -> list[Path]:
    """Write what is stale, remove what no registry entry stands behind, and return the paths changed."""
    stale = stale_files(project)
    for path, (_, text) in stale.items():
        if text:
            (project.root / path).write_text(text, encoding="utf-8")
        else:
            (project.root / path).unlink()
    return sorted(stale)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _source_path(source: RegisteredSource) -> Path:
    return Path("models", "sources", f"{source.type}__v{source.version}__{source.name}.yml")


def _source_file(source: RegisteredSource) -> str:
    content = {"sources": [_dbt_source(source)]}
    origin = f"registry/source/{source.type}/v{source.version}/{source.file.name}"
    return _HEADER.format(origin=origin) + _as_yaml(content)


def _dbt_source(source: RegisteredSource) -> dict[str, Any]:
    names = {
        target: table_parts(place.location)
        for target, place in source.locations.items()
        if is_table_name(place.location)
    }
    name = source.name if source.version == 1 else f"{source.name}_v{source.version}"
    return {
        "name": source.type,
        "database": _by_target({target: parts[0] for target, parts in names.items()}, None),
        "schema": _by_target({target: parts[1] for target, parts in names.items()}, EXTERNAL_SCHEMA),
        "tables": [
            {
                "name": name,
                "description": _plain(source.description),
                "identifier": _by_target({target: parts[2] for target, parts in names.items()}, name),
                "config": {"meta": {"owner": source.owner, "entity": source.entity, "locations": _locations(source)}},
                "columns": [
                    {"name": each.name, "data_type": each.type, "description": _plain(each.description)}
                    for each in source.fields
                ],
            }
        ],
    }


def _locations(source: RegisteredSource) -> dict[str, Any]:
    return {
        target: {"location": place.location, "format": place.format, "options": dict(place.options)}
        for target, place in sorted(source.locations.items())
    }


def _by_target(values: Mapping[str, str | None], default: str | None) -> str:
    """A Jinja expression that looks the target up; the values are identifiers, checked when the registry is read."""
    return "{{ " + f"{dict(sorted(values.items()))!r}.get(target.name, {default!r})".replace("None", "none") + " }}"


def _plain(text: str) -> str:
    """Text that dbt renders to itself: braces of Jinja in it stay braces."""
    return text.replace("{", "{{ '{' }}") if "{{" in text or "{%" in text or "{#" in text else text


def _with_job_default(project: Project) -> str:
    plan = prepare_job(project.root / SAMPLE_JOB, project)
    block = _as_yaml({"job": job_variable(plan)})
    indented = "".join(f"  {line}\n" for line in block.splitlines())
    text = _text(project.root / "dbt_project.yml")
    if not _JOB_BLOCK.search(text):
        raise ConfigurationError(
            "dbt_project.yml: the lines `# >>> generated ...` and `# <<< generated` under `vars` are missing"
        )
    return _JOB_BLOCK.sub(lambda found: found[1] + indented + found[2], text)


def _as_yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=130)
