"""dbt's commands on a job's nodes: in process, quietly, with each node reported as it finishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feature_platform_py.core.dbt_invocation import invoke_dbt
from feature_platform_py.core.files import replace_file
from feature_platform_py.core.messages import FAULTS, LOGGED_BY_MACROS, Code, Message, decode_event
from feature_platform_py.core.project import SCHEMA, SOURCES_SCHEMA, Project
from feature_platform_py.core.text import without_stack_trace, yaml_argument
from feature_platform_py.jobs.work import TableWork, read_work

_COUNTED = ("model", "test")
_VERBS = {"model": "computes", "test": "tests"}
UNCHANGED = "unchanged"
# The tests of a model begin with their kind, and end with the model's name.
_TESTS = frozenset({"input_types", "values_parse", "registry_rules", "unique_grain", "one_row_per_source_row"})
_ADAPTER = "fpspark"
DOCS = "docs"
_WITHOUT_TESTS = ("--exclude", "resource_type:test")
LEAVES_OUT = "FP_LEAVES_OUT_"
_PARSED = "partial_parse.msgpack"


@dataclass(frozen=True)
class NodeResult:
    """How one dbt node ended; `rows` is None for nodes that write none, `seconds` is dbt's own execution time.

    `work` is what a feature table needed.
    """

    name: str
    kind: str
    status: str
    seconds: float
    rows: int | None = None
    message: str = ""
    work: TableWork | None = None

    @property
    def is_good(self) -> bool:
        """Whether the node did what it should."""
        return self.status in ("success", "pass", "warn", "no-op", UNCHANGED)

    def record(self) -> dict[str, Any]:
        """Return what is kept of the node after the run."""
        return {"name": self.name, "kind": self.kind, "status": self.status, "rows": self.rows}


@dataclass(frozen=True)
class CompiledModel:
    """A model's SQL, and the name of the relation that it builds, its parts joined by dots."""

    name: str
    relation: str
    sql: str


@dataclass(frozen=True)
class DbtRun:
    """The nodes of one dbt invocation, in the order in which they finished, and the log that tells the rest.

    `failure` stopped dbt before its nodes ran. `faults` are those of the data that the adapter told of. `failed_rows` are the first
    rows that failed tests found, as text that names the test. `passed` are the ids of the tests that found no fault.
    """

    nodes: tuple[NodeResult, ...]
    log_file: Path
    failure: BaseException | None = None
    faults: tuple[Message, ...] = ()
    failed_rows: tuple[str, ...] = ()
    passed: frozenset[str] = frozenset()

    @property
    def error(self) -> str:
        """The message of what stopped dbt; nothing if its nodes ran."""
        return "" if self.failure is None else str(self.failure)

    @property
    def unknown_source(self) -> str | None:
        """The source, as `schema.table`, that dbt does not know and a node reads, if that stopped dbt."""
        from dbt.exceptions import TargetNotFoundError

        if not isinstance(self.failure, TargetNotFoundError) or self.failure.disabled:
            return None
        return self.failure.target_name if self.failure.target_kind == "source" else None

    @property
    def is_good(self) -> bool:
        """Whether dbt ran, and every node did what it should."""
        return not self.error and all(node.is_good for node in self.nodes)


@dataclass
class _Told:
    """What macros and the adapter tell during an invocation of dbt."""

    works: dict[str, TableWork] = field(default_factory=dict)
    faults: list[Message] = field(default_factory=list)
    failed_rows: list[str] = field(default_factory=list)
    unchanged: set[str] = field(default_factory=set)

    def note(self, event: Any) -> None:
        """Keep what an event of dbt's says, if it is one of the platform's."""
        message = _message(event)
        if message is None:
            return
        if message.code in FAULTS:
            self.faults.append(message)
        elif work := read_work(message):
            self.works[event.data.node_info.node_name] = work
        elif message.code is Code.TEST_UNCHANGED:
            self.unchanged.add(event.data.node_info.unique_id)
        elif message.code is Code.FAILED_TEST_ROW:
            values = ", ".join(f"{name}: {value}" for name, value in message.fields["values"])
            self.failed_rows.append(f"`{message.fields['test']}`: {values}")


class _Running:
    """Tells which nodes dbt is at work on."""

    def __init__(self, job_name: str, on_step: Callable[[str], None]) -> None:
        self._job_name, self._on_step = job_name, on_step
        self._nodes: dict[str, tuple[str, str]] = {}

    def note(self, event: Any) -> None:
        """Tell what is at work after an event of dbt's."""
        if event.info.name == "NodeStart":
            node = event.data.node_info
            self._nodes[node.unique_id] = node.resource_type, shown_name(node.node_name, self._job_name)
        elif event.info.name == "NodeFinished":
            self._nodes.pop(event.data.node_info.unique_id, None)
        else:
            return
        kinds = {kind: ", ".join(sorted(name for of, name in self._nodes.values() if of == kind)) for kind in _VERBS}
        if steps := [f"{_VERBS[kind]} {names}" for kind, names in kinds.items() if names]:
            self._on_step("; ".join(steps))


def _message(event: Any) -> Message | None:
    """Return what an event of dbt's says, by who may say what."""
    if event.info.name == "JinjaLogDebug":
        return decode_event(event.data.msg, LOGGED_BY_MACROS)
    if event.info.name == "AdapterEventDebug" and event.data.name == _ADAPTER:
        return decode_event(event.data.base_msg, FAULTS)
    return None


def build(
    project: Project,
    job_name: str,
    *,
    variables: Mapping[str, Any],
    select: Sequence[str],
    exclude: Sequence[str] = (),
    is_full_refresh: bool = False,
    on_node: Callable[[NodeResult], None] = lambda _: None,
    on_step: Callable[[str], None] = lambda _: None,
) -> DbtRun:
    """Run `dbt build` on the selected nodes with the job's variables, and return how each node ended."""
    nodes: list[NodeResult] = []
    told, passed = _Told(), set[str]()
    running = _Running(job_name, on_step)

    def watch(event: Any) -> None:
        told.note(event)
        running.note(event)
        if event.info.name == "NodeFinished" and (node := _finished(event.data, told, job_name)):
            nodes.append(node)
            if node.status in ("pass", UNCHANGED):
                passed.add(event.data.node_info.unique_id)
            on_node(node)

    arguments = [
        *("build", *_common_arguments(project, job_name, variables)),
        *("--exclude-resource-type", "unit_test"),
        *(["--full-refresh"] if is_full_refresh else []),
        *("--select", *select),
        *(["--exclude", *exclude] if exclude else []),
    ]
    failure = _result(project, job_name, arguments, watch).exception
    return DbtRun(
        nodes=tuple(nodes),
        log_file=_log_file(project, job_name),
        failure=failure,
        faults=tuple(told.faults),
        failed_rows=tuple(told.failed_rows),
        passed=frozenset(passed),
    )


def find_work(
    project: Project,
    job_name: str,
    *,
    variables: Mapping[str, Any],
    select: Sequence[str],
    is_full_refresh: bool = False,
) -> tuple[dict[str, TableWork], DbtRun]:
    """Compile the selected feature tables, which writes nothing, and return what each needs by its model's name."""
    told = _Told()
    arguments = [
        *("compile", *_common_arguments(project, job_name, variables)),
        *(["--full-refresh"] if is_full_refresh else []),
        *("--select", *select, *_WITHOUT_TESTS),
    ]
    failure = _result(project, job_name, arguments, told.note).exception
    return told.works, DbtRun((), _log_file(project, job_name), failure, tuple(told.faults))


def compile_models(
    project: Project, name: str, *, jobs: Sequence[str], variables: Mapping[str, Any], select: Sequence[str]
) -> tuple[tuple[CompiledModel, ...], DbtRun]:
    """Compile the selected models of jobs as a full refresh computes them, which writes nothing and needs no table to be there.

    What dbt keeps of the project, and its log, are below the name.
    """
    arguments = [
        *("compile", *_common_arguments(project, name, variables)),
        *("--full-refresh", "--select", *select, *_WITHOUT_TESTS),
    ]
    result = _result(project, name, arguments, jobs=jobs)
    models = tuple(
        CompiledModel(each.node.name, each.node.relation_name.replace("`", ""), each.node.compiled_code)
        for each in (result.result or ())
    )
    return models, DbtRun((), _log_file(project, name), result.exception)


def generate_docs(project: Project, job_names: Sequence[str]) -> tuple[Path, DbtRun]:
    """Write dbt's own docs of the project, with the tables of these jobs, and return their folder."""
    target_path = project.root / "target" / "docs_build"
    arguments = ["docs", "generate", *_common_arguments(project, DOCS, {})]
    arguments[arguments.index("--target-path") + 1] = str(target_path)
    arguments.remove("--no-write-json")
    result = invoke_dbt(arguments, environment={**jobs_left_out(project.root, job_names), **schema_of(project)})
    return target_path, DbtRun((), _log_file(project, DOCS), result.exception)


def _common_arguments(project: Project, job_name: str, variables: Mapping[str, Any]) -> list[str]:
    return [
        *("--project-dir", str(project.root), "--profiles-dir", str(project.root / "profiles")),
        *("--target", project.target.name, "--vars", yaml_argument(variables)),
        *("--target-path", str(project.caches / job_name)),
        *("--log-path", str(_log_file(project, job_name).parent)),
        *("--log-level", "none", "--log-level-file", "debug", "--no-use-colors", "--no-use-colors-file"),
        *("--no-write-json", "--no-version-check"),
    ]


def _log_file(project: Project, job_name: str) -> Path:
    return project.logs / job_name / "dbt.log"


def _result(
    project: Project,
    job_name: str,
    arguments: Sequence[str],
    watch: Callable[[Any], None] = lambda _: None,
    *,
    jobs: Sequence[str] = (),
) -> Any:
    folder = project.caches
    _begin_from_another_job(folder, job_name)
    environment = {**jobs_left_out(project.root, jobs or [job_name]), **schema_of(project)}
    result = invoke_dbt(arguments, callbacks=[watch], environment=environment)
    if isinstance(result.exception, KeyError) and (folder / job_name / _PARSED).exists():
        # dbt's partial parsing looks for a group that no model names any more, before it runs a node.
        (folder / job_name / _PARSED).unlink()
        result = invoke_dbt(arguments, callbacks=[watch], environment=environment)
    return result


def schema_of(project: Project) -> dict[str, str]:
    """Return the variables by which profile and models know the schemas of the project's tables and of what they read."""
    return {SCHEMA: project.target.schema, SOURCES_SCHEMA: project.target.sources_schema}


def jobs_left_out(root: Path, job_names: Sequence[str]) -> dict[str, str]:
    """Return the environment by which the macro `builds_job` leaves out the models of other jobs than these.

    Each job has a variable of its own, so that dbt's partial parsing looks only into the jobs whose variable differs. A change of
    one of dbt's own variables makes it parse the whole project.
    """
    folders = {path.name for path in (root / "models" / "jobs").glob("*/") if path.name.isidentifier()}
    return {f"{LEAVES_OUT}{name}": "" if name in job_names else "yes" for name in sorted({*folders, *job_names})}


def _begin_from_another_job(folder: Path, job_name: str) -> None:
    """Copy what dbt parsed last for another job, if it has parsed nothing for this one; it then parses only what differs."""
    own, others = folder / job_name / _PARSED, list(folder.glob(f"*/{_PARSED}"))
    if others and not own.exists():
        newest = max(others, key=lambda path: path.stat().st_mtime_ns)
        replace_file(own, newest.read_bytes())


def shown_name(name: str, job_name: str) -> str:
    """Return a node's name without that of its job. Nodes of feature groups keep theirs, which may end like a job's."""
    test, _, model = name.partition(f"{job_name}__")
    is_own = bool(model) and (not test or test.removesuffix("_") in _TESTS)
    return test + model if is_own else name


def _finished(data: Any, told: _Told, job_name: str) -> NodeResult | None:
    kind, status = data.node_info.resource_type, data.node_info.node_status
    if kind not in _COUNTED:
        return None
    is_unchanged = status == "pass" and data.node_info.unique_id in told.unchanged
    response = dict(data.run_result.adapter_response)
    rows = response.get("rows_affected")
    return NodeResult(
        name=shown_name(data.node_info.node_name, job_name),
        kind=kind,
        status=UNCHANGED if is_unchanged else status,
        seconds=data.run_result.execution_time,
        rows=int(rows) if rows is not None else None,
        message=without_stack_trace(data.run_result.message or ""),
        work=told.works.get(data.node_info.node_name),
    )
