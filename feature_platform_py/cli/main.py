"""Define the command `fpjob`: options and arguments. The code of a command is imported when it is called."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.ending import Commands, end
from feature_platform_py.core.project_code import NO_PROJECT_CODE

_job = click.argument("job", type=click.Path(path_type=Path))
_target = click.option("--target", help="Target of profiles/profiles.yml. [default: the profile's own]")
_format = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)


def _examples(*lines: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put examples at the top of a command's help."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        shown = "\n".join(f"  {line}" for line in lines)
        function.__doc__ = f"\b\n{shown}\n\n{function.__doc__}"
        return function

    return decorate


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="feature-platform", prog_name="fpjob")
@click.option(
    "--no-project-code",
    "is_code_refused",
    is_flag=True,
    help="Run no Python file of the project, for projects that you do not trust. `run` and `plan` still render its Jinja.",
)
@_examples("fpjob run configs/jobs/sample_financial_features_job.yaml")
def cli(*, is_code_refused: bool) -> None:
    """Compute exact features from a job YAML: check it, plan it, build it with dbt, write the result.

    Commands work on the project around the working directory. They run the Python files of its
    folder `transformers/`, also for `list`.

    Exit status: 0 success, 1 the data failed a check or broken jobs were left out, 2 wrong configuration
    or usage, 3 dbt or the engine failed.
    """
    if is_code_refused:
        os.environ[NO_PROJECT_CODE] = "1"


@cli.command()
@_job
@_target
@click.option("--full-refresh", "is_full_refresh", is_flag=True, help="Rebuild every feature table from its inputs.")
@click.option(
    "--reconcile",
    "is_reconciled",
    is_flag=True,
    help="Compare all periods, not only those with newly loaded rows (for sources with `loaded_at`).",
)
@click.option(
    "--full-tests", "is_tested", is_flag=True, help="Run everything, and all tests whole, even if nothing has changed."
)
@_format
@_examples("fpjob run configs/jobs/sample_financial_features_job.yaml")
def run(job: Path, target: str | None, output_format: str, **asked: bool) -> None:
    """Bring the job's feature tables up to date and write its result to its sink.

    It computes only periods whose input has changed, and does nothing if nothing has. The tables always equal a full refresh.
    """
    from feature_platform_py.cli.run import run_command

    run_command(job, target=target, output_format=output_format, **asked)


@cli.command()
@click.argument("name", metavar="JOB|GROUP")
@_target
@_format
@_examples("fpjob plan configs/jobs/sample_financial_features_job.yaml", "fpjob plan customer_spend")
def plan(name: str, target: str | None, output_format: str) -> None:
    """Show what a run would compute and why, what it would write, and which columns look ahead. Change nothing.

    For a feature group, show what its tables need.
    """
    from feature_platform_py.cli.plan import plan_command

    plan_command(name, target=target, output_format=output_format)


@cli.command()
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
@_target
@_format
@_examples("fpjob validate configs/jobs/*.yaml")
def validate(jobs: tuple[Path, ...], target: str | None, output_format: str) -> None:
    """Check job files against the format, the transformers and the source's columns. Report every error."""
    from feature_platform_py.cli.validate import validate_command

    validate_command(jobs, target=target, output_format=output_format)


@cli.command()
@click.argument("name", metavar="JOB|TABLE|GROUP")
@_target
@click.option("--rows", type=click.IntRange(min=0), default=20, show_default=True, help="How many rows to show.")
@click.option("--proof", "is_proof", is_flag=True, help="Show the proof of the job's last result instead of its rows.")
@_format
@_examples(
    "fpjob show configs/jobs/sample_financial_features_job.yaml",
    "fpjob show financial_features_extraction_v1__user_spend --rows 5",
    "fpjob show customer_spend",
)
def show(name: str, target: str | None, rows: int, output_format: str, *, is_proof: bool) -> None:
    """Show rows of a job's result, of a feature group, or of a table of the warehouse; or the proof of a job's result."""
    from feature_platform_py.cli.show import proof_command, show_command

    if is_proof:
        proof_command(name, target=target, output_format=output_format)
        return
    show_command(name, target=target, rows=rows, output_format=output_format)


@cli.command(name="list")
@_target
@_format
@_examples("fpjob list")
def list_(target: str | None, output_format: str) -> None:
    """List the project's jobs, sources, feature groups and transformers, and the tables of the warehouse."""
    from feature_platform_py.cli.listing import list_command

    list_command(target=target, output_format=output_format)


@cli.command()
@click.argument("column", metavar="RELATION.COLUMN")
@click.option("--job", type=click.Path(path_type=Path), help="Use only this job, not all of configs/jobs/.")
@_target
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "mermaid", "openlineage"]),
    default="text",
    show_default=True,
)
@_examples(
    "fpjob lineage user_spend.user_30d_total_spend",
    "fpjob lineage customer_spend.spend_30d",
    "fpjob lineage transaction.mm_transaction.amount --format mermaid",
)
def lineage(column: str, job: Path | None, target: str | None, output_format: str) -> None:
    """Show what a column is made of, down to the sources, and what uses it, up to the jobs."""
    from feature_platform_py.cli.lineage import lineage_command

    lineage_command(column, job=job, target=target, output_format=output_format)


@cli.command()
@click.argument("names", metavar="[JOB|GROUP]...", nargs=-1)
@_target
@click.option(
    "--retention",
    help="How long old versions stay readable, such as 12h, 7d or 2w. [default: 1h for feature tables, 7d for Delta sinks]",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be removed, and remove nothing.")
@_format
@_examples("fpjob vacuum --dry-run", "fpjob vacuum configs/jobs/sample_financial_features_job.yaml --retention 12h")
def vacuum(
    names: tuple[str, ...], target: str | None, retention: str | None, output_format: str, *, is_dry_run: bool
) -> None:
    """Remove files of feature tables and Delta sinks that no version within the retention needs.

    Without JOB or GROUP, do so for all of the project. A run does the same by itself for its own tables.
    """
    from feature_platform_py.cli.vacuum import vacuum_command

    vacuum_command(names, target=target, retention=retention, output_format=output_format, is_dry_run=is_dry_run)


@cli.group()
def registry() -> None:
    """Check the registry of entities, sources and features, and generate dbt's YAML from it."""


@registry.command(name="validate")
@_format
@_examples("fpjob registry validate")
def registry_validate(output_format: str) -> None:
    """Check every file of the registry, and the rules between them. Report every error."""
    from feature_platform_py.cli.registry import validate_command

    validate_command(output_format=output_format)


@registry.command()
@click.option(
    "--format", "output_format", type=click.Choice(["images", "mermaid"]), default="images", show_default=True
)
@_examples("fpjob registry diagram", "fpjob registry diagram --format mermaid")
def diagram(output_format: str) -> None:
    """Draw the entities and their relations: docs/diagrams/entity_relationships.png and .svg."""
    from feature_platform_py.cli.registry import diagram_command

    diagram_command(output_format=output_format)


@registry.command()
@click.option("--check", "is_check", is_flag=True, help="Write nothing; fail with a diff if a generated file is stale.")
@_examples("fpjob registry sync --check")
def sync(*, is_check: bool) -> None:
    """Write dbt's sources, each job's models, and JSON Schemas from the registry and the jobs."""
    from feature_platform_py.cli.sync import sync_command

    sync_command(is_check=is_check)


@cli.group()
def docs() -> None:
    """Build and serve the docs site: the feature catalogue and dbt's own docs, as files that need no network."""


_output = click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="The site's folder. [default: target/docs]"
)


@docs.command(name="build")
@_output
@_target
@_examples("fpjob docs build")
def docs_build(output: Path | None, target: str | None) -> None:
    """Write the docs site from the registry, the jobs, and the built tables."""
    from feature_platform_py.cli.docs import build_command

    build_command(output=output, target=target)


@docs.command(name="serve")
@_output
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 means any free port.")
@_examples("fpjob docs serve", "fpjob docs serve --port 9000")
def docs_serve(output: Path | None, port: int) -> None:
    """Serve the docs site on this machine's loopback address only."""
    from feature_platform_py.cli.docs import serve_command

    serve_command(output=output, port=port)


class _ProjectOrEntry(click.Group):
    """A group whose first argument is a command or else a folder."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Treat `fpjob init DIR` as `fpjob init project DIR`."""
        is_known = args[0] in self.commands or args[0].startswith("-")
        if not is_known and len(args) > 1 and not args[1].startswith("-"):
            raise click.UsageError(
                f"expected one folder, or one of {', '.join(self.commands)} first, given `{args[0]}`"
            )
        return super().resolve_command(ctx, args if is_known else ["project", *args])


@cli.group(cls=_ProjectOrEntry, subcommand_metavar="DIR | project|entity|source|group|feature|job ARGS...")
@_examples("fpjob init my-features", "fpjob init job refunds --source mm_transaction --description 'Refunds by user.'")
def init() -> None:
    """Write a new project into DIR, or add an entity, a source, a feature group, a job or a transformer.

    Missing flags are prompted for; without a terminal they are reported together. Invalid entries are
    not written.
    """


_described = click.option("--description", help="A description, in a sentence.")
_owned = click.option("--owner", help="The owner: who is responsible for it.")
_of_entity = click.option("--entity", help="The entity that it is about.")


@init.command(name="project")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_examples("fpjob init project my-features")
def init_project(folder: Path) -> None:
    """Write a new project into an empty folder: models, macros, a sample registry, and a job that runs."""
    from feature_platform_py.cli.init import project_command

    project_command(folder)


@init.command(name="entity")
@click.argument("name")
@_described
@click.option("--key", "keys", multiple=True, help="A field of the primary key, as name:type.")
@click.option("--field", "fields", multiple=True, help="Another field, as name:type or name:type:required.")
@click.option("--relation", "relations", multiple=True, help="To another entity, as customer:many:1.")
@_examples("fpjob init entity shop --description 'A shop.' --key shop_id:bigint --relation customer:many:many")
def init_entity(
    name: str, description: str | None, keys: tuple[str, ...], fields: tuple[str, ...], relations: tuple[str, ...]
) -> None:
    """Add an entity to the registry, and its relations to the entities that it relates to."""
    from feature_platform_py.cli.init import entity_command

    entity_command(name, description=description, keys=keys, fields=fields, relations=relations)


@init.command(name="source")
@click.argument("name")
@_described
@_owned
@_of_entity
@click.option("--type", "kind", help="The folder below registry/source/. [default: the entity's name]")
@click.option("--location", help="A path of the project, or a table's name.")
@click.option("--format", help="delta, parquet, csv or json. [default: by the path's ending]")
@click.option(
    "--field", "fields", multiple=True, help="A field, as name:type[:required]. [default: the fields of the data]"
)
@click.option("--event-time", help="The field with the time of a row's event.")
@click.option("--loaded-at", help="The field with the time when a row arrived.")
@click.option("--primary-key", help="The field that identifies a row.")
@_examples(
    "fpjob init source refunds --entity transaction --location data/refunds.csv --owner sales --description 'Refunds.'"
)
def init_source(name: str, kind: str | None, fields: tuple[str, ...], **options: str | None) -> None:
    """Add a source to the registry, with the fields of its data."""
    from feature_platform_py.cli.init import source_command

    source_command(name, kind=kind, fields=fields, options=options)


@init.command(name="feature")
@click.argument("name")
@_described
@_owned
@_of_entity
@click.option("--model", help="The dbt model that computes the features.")
@click.option("--feature", "features", multiple=True, help="A feature, as name:type.")
@_examples("fpjob init feature visits --model visits --entity customer --feature 'visits_<days>d:bigint'")
def init_feature(name: str, features: tuple[str, ...], **options: str | None) -> None:
    """Add to the registry what a model's features are. `init group` adds features that the registry defines."""
    from feature_platform_py.cli.init import feature_command

    feature_command(name, features=features, options=options)


@init.command(name="group")
@click.argument("name")
@_described
@_owned
@_of_entity
@click.option("--source", help="A registered source, as <type>/<name>.")
@click.option("--key", "keys", multiple=True, help="The column with a field of the entity's key, as field:column.")
@click.option("--timestamp-col", help="The column of the event time. [default: the source's own]")
@click.option(
    "--feature", "features", multiple=True, help="A feature, as function:column:window[,window], or count:window."
)
@_examples(
    "fpjob init group card_spend --entity customer --source transaction/mm_transaction --owner cards"
    " --description 'Spend by card.' --feature sum:amount:7d,30d"
)
def init_group(name: str, keys: tuple[str, ...], features: tuple[str, ...], **options: str | None) -> None:
    """Add a feature group that defines its features: aggregations of a source's rows for each key of an entity.

    Without `--feature`, it begins with counts of rows and sums of the source's first amount.
    """
    from feature_platform_py.cli.init import group_command

    group_command(name, keys=keys, features=features, options=options)


@init.command(name="job")
@click.argument("name")
@_described
@click.option("--source", help="A registered source, a path of the project, or a table's name.")
@click.option("--user-id-col", help="The column of the user. [default: the key of the entity that the rows belong to]")
@click.option("--timestamp-col", help="The column of the event time. [default: the source's own]")
@click.option("--amount-col", help="The column of the amount. [default: the source's first decimal]")
@click.option("--category-col", help="The column of the category, for spend by category.")
@click.option("--category", "categories", multiple=True, help="A category whose spend is summed.")
@_examples("fpjob init job refunds --source mm_transaction --description 'Refunds by user.'")
def init_job(name: str, source: str | None, categories: tuple[str, ...], **options: str | None) -> None:
    """Add a job with the features that the source's columns allow, as known at each row's event time."""
    from feature_platform_py.cli.init import job_command

    job_command(name, source=source, options=options, categories=categories)


@init.command(name="transformer")
@click.argument("name")
@click.option("--sql/--python", "is_sql", required=True, help="Write a macro, or a class.")
@_examples("fpjob init transformer user_largest_amount --sql")
def init_transformer(name: str, *, is_sql: bool) -> None:
    """Add a working transformer with a test, for you to change."""
    from feature_platform_py.cli.init import transformer_command

    transformer_command(name, is_sql=is_sql)


def main() -> None:
    """Run the command line and exit with its status."""
    # dbt and pyspark make millions of objects that live until the end; collecting garbage would cost a tenth of a run.
    gc.set_threshold(200_000, 20, 100)
    # Searching all installed packages for pydantic plugins takes longer than checking a job.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    sys.exit(end(lambda: cli(standalone_mode=False)))
