"""Define `fpjob init` and its commands: options and arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from feature_platform_py.cli.commands import Commands, examples


class _ProjectOrEntry(Commands):
    """A group whose first argument is a command or else a folder."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Treat `fpjob init DIR` as `fpjob init project DIR`."""
        is_known = args[0] in self.commands or args[0].startswith("-")
        if not is_known and len(args) > 1 and not args[1].startswith("-"):
            raise click.UsageError(
                f"expected one folder, or one of {', '.join(self.commands)} first, given `{args[0]}`"
            )
        return super().resolve_command(ctx, args if is_known else ["project", *args])


@click.group(cls=_ProjectOrEntry, subcommand_metavar="DIR | project|entity|source|group|feature|job ARGS...")
@examples("fpjob init my-features", "fpjob init job refunds --source mm_transaction --description 'Refunds by user.'")
def init() -> None:
    """Start a project, or add an entity, a source, a job and more.

    `fpjob init DIR` writes a new project into a folder. The commands below add to the project around the working directory.
    Missing flags are prompted for; without a terminal they are reported together. Invalid entries are
    not written.
    """


_described = click.option("--description", help="A description, in a sentence.")
_owned = click.option("--owner", help="The owner: who is responsible for it.")
_of_entity = click.option("--entity", help="The entity that it is about.")


@init.command(name="project")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@examples("fpjob init project my-features")
def init_project(folder: Path) -> None:
    """Write a new project into an empty folder: a sample registry, models, and jobs that run."""
    from feature_platform_py.cli.init import project_command

    project_command(folder)


@init.command(name="entity")
@click.argument("name")
@_described
@click.option("--key", "keys", multiple=True, help="A field of the primary key, as name:type.")
@click.option("--field", "fields", multiple=True, help="Another field, as name:type or name:type:required.")
@click.option("--relation", "relations", multiple=True, help="To another entity, as customer:many:1.")
@examples("fpjob init entity shop --description 'A shop.' --key shop_id:bigint --relation customer:many:many")
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
@examples(
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
@examples("fpjob init feature visits --model visits --entity customer --feature 'visits_<days>d:bigint'")
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
@examples(
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
@examples("fpjob init job refunds --source mm_transaction --description 'Refunds by user.'")
def init_job(name: str, source: str | None, categories: tuple[str, ...], **options: str | None) -> None:
    """Add a job with the features that the source's columns allow, as known at each row's event time."""
    from feature_platform_py.cli.init import job_command

    job_command(name, source=source, options=options, categories=categories)


@init.command(name="transformer")
@click.argument("name")
@click.option("--sql/--python", "is_sql", required=True, help="Write a macro, or a class.")
@examples("fpjob init transformer user_largest_amount --sql")
def init_transformer(name: str, *, is_sql: bool) -> None:
    """Add a working transformer with a test, for you to change."""
    from feature_platform_py.cli.init import transformer_command

    transformer_command(name, is_sql=is_sql)
