"""Define the command `fpjob`: options and arguments. The code of a command is imported when it is called."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from pathlib import Path

import click

from feature_platform_py.cli.commands import Commands, examples, format_option
from feature_platform_py.cli.copies import told_of_copies
from feature_platform_py.cli.ending import end
from feature_platform_py.cli.init_commands import init
from feature_platform_py.cli.signs import begin, working
from feature_platform_py.core.project import SCHEMA
from feature_platform_py.core.project_code import NO_PROJECT_CODE

SAMPLE = "configs/jobs/sample_financial_features_job.yaml"


def _use_schema(context: click.Context, _: click.Parameter, schema: str | None) -> None:
    """Have the command, and dbt in it, use the tables of a schema, until it ends."""
    if schema is None:
        return
    before = os.environ.get(SCHEMA)
    os.environ[SCHEMA] = schema

    def restore() -> None:
        os.environ.pop(SCHEMA, None)
        if before is not None:
            os.environ[SCHEMA] = before

    context.find_root().call_on_close(restore)


_schema = click.option(
    "--schema",
    metavar="NAME",
    expose_value=False,
    callback=_use_schema,
    help="Use an environment: tables of this schema, beside production's. [default: FP_SCHEMA, or the profile's own]",
)
_target = click.option("--target", help="Target of profiles/profiles.yml. [default: the profile's own]")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="feature-platform", prog_name="fpjob")
@click.option(
    "--no-project-code",
    "is_code_refused",
    is_flag=True,
    help="Run no Python file of the project, for projects that you do not trust. `run` and `plan` still render its Jinja.",
)
def cli(*, is_code_refused: bool) -> None:
    """Compute exact features from job files: check and plan a job, build it with dbt, write its result.

    Commands work on the project around the working directory. They run the Python files of its folder
    `transformers/`, also for `list`. Jobs are named by their files or by their `job_name`.

    Exit status: 0 success, 1 the data failed a check or broken jobs were left out, 2 wrong configuration
    or usage, 3 dbt or the engine failed.
    """
    if is_code_refused:
        os.environ[NO_PROJECT_CODE] = "1"


cli.add_command(init)


@cli.command(name="list")
@click.option("--orphans", "is_orphans", is_flag=True, help="List tables that no job or feature group builds any more.")
@_target
@_schema
@format_option("text", "json", "csv")
@examples("fpjob list", "fpjob list --orphans")
def list_(target: str | None, output_format: str, *, is_orphans: bool) -> None:
    """List the jobs, sources, feature groups, transformers and tables."""
    with working("reads the project"):
        if is_orphans:
            from feature_platform_py.cli.drop import orphans_command

            orphans_command(target=target, output_format=output_format)
            return
        from feature_platform_py.cli.listing import list_command

        list_command(target=target, output_format=output_format)


@cli.command()
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@_target
@format_option("text", "json", "csv")
@examples("fpjob validate configs/jobs/*.yaml")
def validate(jobs: tuple[str, ...], target: str | None, output_format: str) -> None:
    """Report every mistake of every job file, with its line.

    Checks the format, the transformers and their parameters, and the columns of the source.
    """
    with working("reads the jobs"):
        from feature_platform_py.cli.validate import validate_command

        validate_command(jobs, target=target, output_format=output_format)


@cli.command()
@click.argument("name", metavar="JOB|GROUP")
@_target
@_schema
@format_option("text", "json", "csv")
@examples(f"fpjob plan {SAMPLE}", "fpjob plan financial_features_extraction_v1", "fpjob plan customer_spend")
def plan(name: str, target: str | None, output_format: str) -> None:
    """Show what a run would compute and write, and change nothing.

    Says why each table needs work, and which columns look ahead. For a feature group, shows what its tables need.
    CSV has a line for each column of the result.
    """
    with working("reads the job"), told_of_copies():
        from feature_platform_py.cli.plan import plan_command

        plan_command(name, target=target, output_format=output_format)


@cli.command()
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@_target
@_schema
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
@format_option("text", "json", "csv")
@examples(f"fpjob run {SAMPLE}", "fpjob run financial_features_extraction_v1", "fpjob run configs/jobs/*.yaml")
def run(jobs: tuple[str, ...], target: str | None, output_format: str, **asked: bool) -> int:
    """Bring a job's feature tables up to date, and write its result.

    It computes only periods whose input has changed, and does nothing if nothing has. The tables always equal a full refresh.
    Several jobs run one after the other, each after those whose results it reads. If one fails, the jobs that read its result
    are left out, and the others run. CSV has the rows that the sink `display` shows.
    """
    if output_format == "csv" and len(jobs) > 1:
        raise click.UsageError("the rows of several jobs are not one table; use `--format text` or `json`")
    with working("reads the job"), told_of_copies():
        from feature_platform_py.cli.run import run_command

        return run_command(jobs, target=target, output_format=output_format, **asked)


@cli.command()
@click.argument("name", metavar="JOB|TABLE|GROUP")
@_target
@_schema
@click.option("--rows", type=click.IntRange(min=0), default=20, show_default=True, help="How many rows to show.")
@click.option("--proof", "is_proof", is_flag=True, help="Show the proof of the job's last result instead of its rows.")
@format_option("text", "json", "csv")
@examples(
    f"fpjob show {SAMPLE}",
    "fpjob show financial_features_extraction_v1",
    "fpjob show financial_features_extraction_v1__user_spend --rows 5",
    "fpjob show customer_spend --format csv",
)
def show(name: str, target: str | None, rows: int, output_format: str, *, is_proof: bool) -> None:
    """Show rows of a job's result, of a feature group, or of a table.

    With `--proof`, show the proof of a job's last result instead. A window shows the columns that fit; CSV and JSON have all
    of them.
    """
    if is_proof and output_format == "csv":
        raise click.UsageError("a proof is not a table; use `--format text` or `json`")
    with working("opens the warehouse"):
        from feature_platform_py.cli.show import proof_command, show_command

        if is_proof:
            proof_command(name, target=target, output_format=output_format)
        else:
            show_command(name, target=target, rows=rows, output_format=output_format)


@cli.command()
@click.argument("name", metavar="JOB|GROUP")
@_target
@_schema
@click.option(
    "--against",
    default="prod",
    show_default=True,
    metavar="NAME",
    help="The schema to compare with; `prod` is production's.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, max=1),
    default=0.0,
    metavar="SHARE",
    help="Doubles that differ by at most this part of the larger one count as equal, such as 1e-9. [default: exactly equal]",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file to write, for `--format html`."
)
@format_option("text", "json", "html")
@examples(
    "fpjob diff customer_spend --schema dev_anna",
    "fpjob diff customer_spend --schema dev_anna --against dev_ben",
    "fpjob diff customer_spend --schema dev_anna --format html --output diff.html",
)
def diff(
    name: str, target: str | None, against: str, tolerance: float, output: Path | None, output_format: str
) -> None:
    """Compare the tables of an environment with production's.

    `--against` names another environment. Says how many rows are in both tables, only here (in the environment) and only
    there, and of each feature how many values have changed, its NULLs, mean, least and greatest value. JSON has distributions
    too, and HTML plots.
    """
    if (output is not None) != (output_format == "html"):
        raise click.UsageError("`--format html` and `--output FILE` belong together")
    with working("reads the job"):
        from feature_platform_py.cli.diff import diff_command

        diff_command(
            name, target=target, against=against, tolerance=tolerance, output=output, output_format=output_format
        )


@cli.command()
@click.argument("column", metavar="COLUMN")
@click.option("--job", help="Use only this job, not all of configs/jobs/.")
@click.option(
    "--all", "is_all", is_flag=True, help="Show keys, orders, filters and joins too, not only values and conditions."
)
@_target
@format_option("text", "json", "csv", "mermaid", "openlineage")
@examples(
    "fpjob lineage user_30d_total_spend",
    "fpjob lineage user_spend.user_30d_total_spend --all",
    "fpjob lineage customer_spend.spend_30d",
    "fpjob lineage transaction.mm_transaction.amount --format mermaid",
)
def lineage(column: str, job: str | None, target: str | None, output_format: str, *, is_all: bool) -> None:
    """Show what a column is made of, and what uses it.

    Goes down to the sources and up to the jobs. COLUMN is a feature's name, or `relation.column`. Text shows values and
    conditions, each once; the other formats have every use.
    """
    with working("reads the jobs"):
        from feature_platform_py.cli.lineage import lineage_command

        lineage_command(column, job=job, target=target, output_format=output_format, is_all=is_all)


@cli.command()
@click.argument("names", metavar="[JOB|GROUP]...", nargs=-1)
@_target
@_schema
@click.option(
    "--retention",
    help="How long old versions stay readable, such as 12h, 7d or 2w. [default: 1h for feature tables, 7d for Delta sinks]",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be removed, and remove nothing.")
@format_option("text", "json", "csv")
@examples("fpjob vacuum --dry-run", f"fpjob vacuum {SAMPLE} --retention 12h")
def vacuum(
    names: tuple[str, ...], target: str | None, retention: str | None, output_format: str, *, is_dry_run: bool
) -> None:
    """Remove files of old versions of feature tables and Delta sinks.

    Those that a version within the retention needs stay. Without JOB or GROUP, do so for all of the project. A run does the
    same by itself for its own tables.
    """
    with working("looks for old files"):
        from feature_platform_py.cli.vacuum import vacuum_command

        vacuum_command(names, target=target, retention=retention, output_format=output_format, is_dry_run=is_dry_run)


@cli.command()
@_target
@_schema
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be dropped, and drop nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@format_option("text", "json")
@examples("fpjob prune --dry-run", "fpjob prune --yes")
def prune(target: str | None, output_format: str, *, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop tables that no job or feature group builds any more.

    These are the tables of jobs and groups that are gone, and of features that were removed from them. It asks before it
    drops them. Sinks, sources and tables of your own models stay.
    """
    with working("reads the project"):
        from feature_platform_py.cli.drop import prune_command

        prune_command(target=target, output_format=output_format, is_dry_run=is_dry_run, is_agreed=is_agreed)


@cli.command()
@click.argument("name", metavar="[JOB|GROUP]", required=False)
@_target
@_schema
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be dropped, and drop nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@format_option("text", "json")
@examples("fpjob drop training_features_v1 --dry-run", "fpjob drop customer_spend", "fpjob drop --schema dev_anna")
def drop(name: str | None, target: str | None, output_format: str, *, is_dry_run: bool, is_agreed: bool) -> None:
    """Drop the tables of a job or of a feature group.

    It asks before it drops them. The job's file, its sink and its source stay, and the next run computes everything anew.
    Results of jobs that read a dropped group cannot be shown until these jobs run again.
    With `--schema` and no name, it drops a whole environment: its tables, views and results. Production keeps its own.
    """
    with working("reads the project"):
        from feature_platform_py.cli.drop import drop_command, drop_environment_command

        asked = {"is_dry_run": is_dry_run, "is_agreed": is_agreed}
        if name is None:
            drop_environment_command(target=target, output_format=output_format, **asked)
        else:
            drop_command(name, target=target, output_format=output_format, **asked)


@cli.command()
@click.argument("job", metavar="JOB")
@_target
@_schema
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would be replaced, and change nothing.")
@format_option("text", "json")
@examples(
    "fpjob promote customer_features_v1 --schema dev_anna --dry-run",
    "fpjob promote customer_features_v1 --schema dev_anna",
)
def promote(job: str, target: str | None, output_format: str, *, is_dry_run: bool) -> None:
    """Make an environment's feature tables production's.

    Those with another definition than production's replace it, each in one commit and without computing a row; then the job
    runs in production, which computes what has changed since, tests, and writes its sink. The environment's tables must have
    the definitions of the project's files, or nothing is changed.
    """
    with working("reads the job"):
        from feature_platform_py.cli.promote import promote_command

        promote_command(job, target=target, output_format=output_format, is_dry_run=is_dry_run)


@cli.command(name="upgrade")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@examples("fpjob upgrade --dry-run", "fpjob upgrade --yes")
def upgrade_project(*, is_dry_run: bool, is_agreed: bool) -> None:
    """Bring a project up to the version of this program.

    A project with copies of the macros takes them from the package instead. It asks before it changes files, and moves copies
    that you have changed aside. Registry, jobs, models of your own and tables stay.
    """
    with working("reads the project"):
        from feature_platform_py.cli.upgrade import upgrade_command

        upgrade_command(is_dry_run=is_dry_run, is_agreed=is_agreed)


@cli.group(cls=Commands)
@examples("fpjob registry validate")
def registry() -> None:
    """Check the registry, write dbt's YAML from it, draw its entities.

    The registry describes entities, sources and feature groups.
    """


@registry.command(name="validate")
@format_option("text", "json", "csv")
@examples("fpjob registry validate")
def registry_validate(output_format: str) -> None:
    """Report every mistake of every file of the registry, with its line.

    Checks the rules between the files too. CSV has a line for each mistake.
    """
    with working("reads the registry"):
        from feature_platform_py.cli.registry import validate_command

        validate_command(output_format=output_format)


@registry.command()
@click.option("--check", "is_check", is_flag=True, help="Write nothing; fail with a diff if a generated file is stale.")
@format_option("text", "json")
@examples("fpjob registry sync", "fpjob registry sync --check")
def sync(output_format: str, *, is_check: bool) -> None:
    """Write dbt's sources, each job's models, and JSON Schemas from the registry and the jobs."""
    with working("reads the registry"), told_of_copies():
        from feature_platform_py.cli.sync import sync_command

        sync_command(is_check=is_check, output_format=output_format)


@registry.command()
@format_option("images", "mermaid")
@examples("fpjob registry diagram", "fpjob registry diagram --format mermaid")
def diagram(output_format: str) -> None:
    """Draw the entities and their relations: docs/diagrams/entity_relationships.png and .svg."""
    from feature_platform_py.cli.registry import diagram_command

    diagram_command(output_format=output_format)


@cli.group(cls=Commands)
@examples("fpjob docs build")
def docs() -> None:
    """Build and serve the docs site: the features, and dbt's own docs.

    The site consists of files that need no network.
    """


_output = click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="The site's folder. [default: target/docs]"
)


@docs.command(name="build")
@_output
@_target
@format_option("text", "json")
@examples("fpjob docs build")
def docs_build(output: Path | None, target: str | None, output_format: str) -> None:
    """Write the docs site from the registry, the jobs, and the built tables."""
    with working("reads the project"):
        from feature_platform_py.cli.docs import build_command

        build_command(output=output, target=target, output_format=output_format)


@docs.command(name="serve")
@_output
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 means any free port.")
@examples("fpjob docs serve", "fpjob docs serve --port 9000")
def docs_serve(output: Path | None, port: int) -> None:
    """Serve the docs site on this machine's loopback address only."""
    from feature_platform_py.cli.docs import serve_command

    serve_command(output=output, port=port)


def main() -> None:
    """Run the command line and exit with its status."""
    begin()
    # dbt and pyspark make millions of objects that live until the end; collecting garbage would cost a tenth of a run.
    gc.set_threshold(200_000, 20, 100)
    # Searching all installed packages for pydantic plugins takes longer than checking a job.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    # At the end, Python would visit each of the objects once more, for a second.
    atexit.register(gc.freeze)
    sys.exit(end(lambda: cli(standalone_mode=False)))
