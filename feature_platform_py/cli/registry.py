"""`fpjob registry validate` and `fpjob registry diagram`."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.cli.output import print_csv, print_json, print_text
from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import open_project
from feature_platform_py.dbt_files.sync import load_project_registry
from feature_platform_py.registry.diagram import DIAGRAM, dot_text, draw, mermaid_text
from feature_platform_py.registry.placeholders import registry_placeholders
from feature_platform_py.registry.registry import Registry, load_registry


def validate_command(*, output_format: str) -> None:
    """Check the registry, and print its content. Raises ConfigurationError with every problem of every file."""
    project = open_project()
    try:
        registry = _described_registry(project.root)
    except ConfigurationError as error:
        if output_format == "json":
            shown = [{"file": each.file, "line": each.line, "message": each.message} for each in error.problems]
            print_json({"valid": False, "problems": shown})
        if output_format == "csv":
            _print_problems([(each.file, each.line, each.message) for each in error.problems])
        raise
    if output_format == "json":
        print_json({"valid": True, "problems": [], **_counts(registry)})
    elif output_format == "csv":
        _print_problems([])
    else:
        print_text("registry: valid, " + ", ".join(f"{count} {name}" for name, count in _counts(registry).items()))


def _described_registry(root: Path) -> Registry:
    """Return the registry. Raises ConfigurationError with every problem, placeholders among them."""
    missing = registry_placeholders(root)
    try:
        registry = load_project_registry(root)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *missing]) from error
    if missing:
        raise ConfigurationError(missing)
    return registry


def diagram_command(*, output_format: str) -> None:
    """Draw the entities as PNG and SVG and print the files' names, or print text for Mermaid."""
    project = open_project()
    entities = load_registry(project.root).entities
    if output_format == "mermaid":
        print_text(mermaid_text(entities).rstrip("\n"), is_fitted=False)
        return
    for path in draw(dot_text(entities), to=project.root / DIAGRAM):
        print_text(f"wrote {path.relative_to(project.root)}")


def _print_problems(problems: list[tuple[str | None, int | None, str]]) -> None:
    print_csv(["file", "line", "problem"], problems)


def _counts(registry: Registry) -> dict[str, int]:
    return {
        "entities": len(registry.entities),
        "sources": len(registry.sources),
        "features": sum(len(group.features) for group in registry.feature_groups),
    }
