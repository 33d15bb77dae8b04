"""Warn of a valid job that is probably not meant so: filters and categories without a match, features without values.

None of these is an error, because a category may appear tomorrow. Plans and runs end with these warnings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from feature_platform_py.core.data_types import kind_of
from feature_platform_py.core.document import Place
from feature_platform_py.core.project import Project
from feature_platform_py.core.sql_text import quoted
from feature_platform_py.core.suggestions import nearest, printable, suggestion, ticked
from feature_platform_py.features.row_filters import RowFilter, filter_variable
from feature_platform_py.jobs.plan import JobPlan
from feature_platform_py.runs.look_ups import conditions_met, filter_condition, some_values, typed_literal
from feature_platform_py.sinks.results import ResultCounts
from feature_platform_py.targets import Backend, backend_of

_MAX_LISTED = 10
_MAX_ASKED = 50
_EXCLUDING = frozenset({"not_equals", "not_in"})


@dataclass(frozen=True)
class JobWarning:
    """A valid but suspicious part of a job, and its line in the file.

    `code` is one of no_rows, filter_matches_nothing, filter_value_not_found, category_not_found, column_without_values, all_null,
    row_counts_for_itself and not_looked_up. `nearest` is the value of the column that was probably meant.
    """

    code: str
    message: str
    file: str
    line: int
    column: str | None = None
    value: str | None = None
    nearest: str | None = None
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"warning: {self.file}:{self.line}: {self.message}"

    def as_dict(self) -> dict[str, Any]:
        """Return the warning as plain data, for `--format json`."""
        return asdict(self)


@dataclass(frozen=True)
class _Question:
    """A condition that some row of the source should meet, and the warning if no row does.

    With `is_after_filters`, only rows that pass the job's filters count.
    """

    code: str
    place: Place
    message: str
    condition: str
    is_after_filters: bool = True
    column: str | None = None
    value: str | None = None
    features: tuple[str, ...] = ()


def asking_warnings(plan: JobPlan) -> list[JobWarning]:
    """Return a warning if the job's rows are among those that count for them, so that each counts for itself."""
    own = plan.source.registered
    uses = [
        use
        for use in plan.uses
        if own and use.source and use.source.registered == own and use.time and use.time[0] == use.time[1]
    ]
    counting = [use.name for use in uses if use.counts_rows_at_t]
    if not counting or own is None or plan.config.asking.closed:
        return []
    message = (
        f"the job's rows are rows of `{own.name}`, which {ticked(counting)} reads too: each row counts in its own features. Add"
        " `closed: left` if that tells what is to be predicted, or `closed: right` if it is meant"
    )
    place = plan.config.place.at("features")
    return [_warning(_Question("row_counts_for_itself", place, message, "", features=tuple(counting)))]


def source_warnings(plan: JobPlan, project: Project, *, about_columns: bool) -> list[JobWarning]:
    """Return the warnings that the job's source gives; with `about_columns`, also those of columns without values.

    A failed query of the source is itself a warning, because the job does not depend on it. Rows of a scoring set are made of
    keys alone, which give none.
    """
    if plan.source.scoring:
        return []
    backend = backend_of(project)
    try:
        relation = backend.source_relation(plan.source, plan.columns, job_name=plan.job_name)
        return _looked_up(plan, backend, relation, about_columns=about_columns)
    except Exception as error:
        reason = printable(str(error).strip().partition("\n")[0], 300)
        message = f"the filters and categories could not be compared with the source: {reason}"
        return [_warning(_Question("not_looked_up", plan.config.place.at("input_source"), message, ""))]


def result_warnings(plan: JobPlan, project: Project, counts: ResultCounts | None) -> list[JobWarning]:
    """Return the warnings of a run; `counts` are those of the result, None if it was not written."""
    empty = [name for name, filled in counts.filled.items() if not filled] if counts and counts.rows else []
    found = [*asking_warnings(plan), *source_warnings(plan, project, about_columns=bool(empty))]
    if plan.source.scoring and counts and not counts.rows:
        unknown = ", or none of which the targets are known" if plan.config.drops_immature else ""
        message = f"the result has no rows: there are none of {plan.source.scoring.shown}{unknown}"
        found.append(_warning(_Question("no_rows", plan.config.place.at("input_source"), message, "")))
    added = [(each.place, each.column.name) for each in plan.joined_columns]
    added += [
        (spec.place, column.name) for spec in plan.config.feature_transformers for column in spec.outputs(plan.columns)
    ]
    for place, name in added:
        if name in empty:
            message = f"the feature `{printable(name)}` is NULL in every row of the result"
            found.append(_warning(_Question("all_null", place, message, "", features=(name,))))
    return found


def _looked_up(plan: JobPlan, backend: Backend, relation: str, *, about_columns: bool) -> list[JobWarning]:
    kept = " and ".join(filter_conditions(plan)) or "true"
    questions = [*_row_questions(plan, kept), *_filter_questions(plan), *_category_questions(plan)]
    questions += _column_questions(plan) if about_columns else []
    conditions = [
        f"{kept} and {each.condition}" if each.is_after_filters and each.condition != kept else each.condition
        for each in questions
    ]
    met = conditions_met(backend, relation, conditions)
    open_questions = [question for question, is_met in zip(questions, met, strict=True) if not is_met]
    return [
        _with_values(_warning(each), plan, backend, relation, kept if each.is_after_filters else "true")
        for each in _worth_saying(open_questions)
    ]


def _worth_saying(questions: Sequence[_Question]) -> Sequence[_Question]:
    """Return the questions without those that another one explains: without rows, no category exists."""
    empty = [each for each in questions if each.code == "no_rows"]
    if any(not each.is_after_filters for each in empty):
        return empty[:1]
    return [each for each in questions if not empty or each in empty or not each.is_after_filters]


def filter_conditions(plan: JobPlan) -> list[str]:
    """Return the job's filters as conditions of SQL."""
    return [filter_condition(filter_variable(each, plan.columns)) for each in plan.config.input_source.filters]


def _row_questions(plan: JobPlan, kept: str) -> Iterator[_Question]:
    place = plan.config.place.at("input_source")
    yield _Question("no_rows", place, "the source has no rows, so the result has none", "true", is_after_filters=False)
    if plan.config.input_source.filters:
        message = "no row of the source passes all filters, so the result has no rows"
        yield _Question("no_rows", place.at("filters"), message, kept)


def _filter_questions(plan: JobPlan) -> Iterator[_Question]:
    for row_filter, condition in zip(plan.config.input_source.filters, filter_conditions(plan), strict=True):
        literals = filter_variable(row_filter, plan.columns)["literals"]
        is_compared = row_filter.op in {"equals", "in", *_EXCLUDING} and len(literals) <= _MAX_ASKED
        for position, each in enumerate(literals if is_compared else ()):
            yield _value_question(row_filter, position, each)
        if not is_compared or row_filter.op in _EXCLUDING:
            shown = " ".join([row_filter.column, row_filter.op, ", ".join(each["text"] for each in literals)]).rstrip()
            said = f"the filter `{printable(shown)}` lets no row of the source pass"
            yield _Question(
                "filter_matches_nothing",
                row_filter.place,
                said,
                condition,
                is_after_filters=False,
                column=row_filter.column,
            )


def _value_question(row_filter: RowFilter, position: int, value: dict[str, str]) -> _Question:
    column, text = row_filter.column, value["text"]
    is_listed = isinstance(row_filter.value, tuple)
    effect = "excludes nothing" if row_filter.op in _EXCLUDING else "matches nothing"
    return _Question(
        "filter_value_not_found",
        row_filter.place.at("value", *([position] if is_listed else [])),
        f"the filter's value `{printable(text)}` {effect}: no row of the source has it in `{printable(column)}`.",
        f"{quoted(column)} = {typed_literal(value)}",
        is_after_filters=False,
        column=column,
        value=text,
    )


def _category_questions(plan: JobPlan) -> Iterator[_Question]:
    for spec in plan.config.feature_transformers:
        for wanted in spec.transformer.wanted_values()[:_MAX_ASKED]:
            value, column = typed_literal({"text": wanted.value, "type": "string"}), quoted(wanted.column)
            yield _Question(
                "category_not_found",
                spec.place.at("params", wanted.param, wanted.position),
                f"no row has `{printable(wanted.value)}` in `{printable(wanted.column)}`, so `{wanted.feature}` {wanted.effect}.",
                f"cast({column} as string) = {value}",
                column=wanted.column,
                value=wanted.value,
                features=(wanted.feature,),
            )


def _column_questions(plan: JobPlan) -> Iterator[_Question]:
    there = {name for name, _ in plan.columns}
    for spec in plan.config.feature_transformers:
        features = tuple(column.name for column in spec.outputs(plan.columns))
        for needed in [each for each in spec.inputs() if each.name in there]:
            message = f"`{printable(needed.name)}` is NULL in every row, and {ticked(features)} depend on it"
            yield _Question(
                "column_without_values",
                spec.place.at("params", *needed.path),
                message,
                f"{quoted(needed.name)} is not null",
                column=needed.name,
                features=features,
            )


def _warning(question: _Question) -> JobWarning:
    return JobWarning(
        code=question.code,
        message=question.message,
        file=question.place.document.file,
        line=question.place.line,
        column=question.column,
        value=question.value,
        features=question.features,
    )


def _with_values(warning: JobWarning, plan: JobPlan, backend: Backend, relation: str, condition: str) -> JobWarning:
    """Return the warning of a missing value with the existing values, if these are texts."""
    column = warning.column or ""
    is_text = kind_of(dict(plan.columns).get(column, "")) == "string" if column else False
    if warning.value is None or not (is_text or warning.code == "category_not_found"):
        return warning
    values = some_values(backend, relation, column, condition)
    shown = f"{ticked(values[:_MAX_LISTED])}{', ...' if len(values) > _MAX_LISTED else ''}" if values else "none"
    told = " ".join(filter(None, [warning.message, suggestion(warning.value, values), f"Its values: {shown}"]))
    facts = asdict(warning) | {"message": told, "nearest": nearest(warning.value, values)}
    return JobWarning(**facts)
