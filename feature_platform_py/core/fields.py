"""The types of YAML fields, and their validation errors in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictStr,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from feature_platform_py.core.document import Document, EnvironmentText, KeyPath, Place
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.suggestions import nearest, printable, ticked, unknown

# Building a validator costs milliseconds, so only those that a file needs are built.
STRICT = ConfigDict(extra="forbid", defer_build=True)
MAX_NAME_LENGTH = 255
MAX_LOCATION_LENGTH = 1024
_SECRET = re.compile("secret|passw|token|credential|(access|account)[._-]?key|[._-]sas([._-]|$)", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_UNKNOWN_KEYS = frozenset({"unexpected_keyword_argument", "extra_forbidden"})

Part = TypeVar("Part")


class FieldError(ValueError):
    """A field breaks a rule of the part that it belongs to."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


def as_text(value: str) -> str:
    """Return the text. Raises ValueError for control characters, which must not reach a terminal, file or table."""
    if _CONTROL.search(value):
        raise ValueError("expected a text without control characters")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("expected a text that is not empty")
    return value.strip()


def _name(value: str) -> str:
    if not value.strip() or len(value) > MAX_NAME_LENGTH or re.search(r"[\r\n\t]", value):
        raise ValueError(f"expected a name on one line, of 1 to {MAX_NAME_LENGTH} characters")
    return value


def _former_name(value: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]{0,59}", value):
        raise ValueError("expected at most 60 characters: a letter a-z, then letters a-z, digits and `_`")
    return value


def _location(value: str) -> str:
    if not 0 < len(value) <= MAX_LOCATION_LENGTH or value != value.strip() or re.search(r"[\r\n\t]", value):
        raise ValueError(f"expected a path or a table name on one line, of 1 to {MAX_LOCATION_LENGTH} characters")
    if found := re.search(r"[*?\[\]{}]", value):
        raise ValueError(
            f"expected a path without `{found[0]}`, which Spark reads as a pattern; name the folder itself"
        )
    return value


def _option_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", value):
        raise ValueError("expected an option's name: letters, digits, `_`, `.` and `-`")
    if value.lower() in {"path", "location"}:
        raise ValueError(f"the option `{value}` would name another location; give the location beside `options`")
    if _SECRET.search(value):
        raise ValueError(
            "the name looks like a secret, and options appear in logs; pass secrets to the engine by its own environment"
        )
    return value


def _option_value(value: Any) -> str:
    if not isinstance(value, str | bool | int | float) or isinstance(value, date):
        raise ValueError("expected a text, a number, true or false; quote a date")  # noqa: TRY004 - pydantic wants a ValueError
    return str(value).lower() if isinstance(value, bool) else as_text(str(value))


def as_whole(value: Any) -> Any:
    """Return text of the environment as a whole number if it is one; return other values unchanged."""
    is_number = isinstance(value, EnvironmentText) and re.fullmatch(r"[-+]?[0-9]{1,18}", value)
    return int(value) if is_number else value


def as_flag(value: Any) -> Any:
    """Return `true` and `false` of the environment as booleans; return other values unchanged."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, EnvironmentText) else value


def as_tuple(value: Any) -> Any:
    """Return one value, or a list of them, as a tuple."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Text = Annotated[StrictStr, AfterValidator(as_text)]
FilledText = Annotated[Text, AfterValidator(_filled)]
Name = Annotated[Text, AfterValidator(_name)]
ColumnName = Name
Location = Annotated[Text, AfterValidator(_location)]
FileFormat = Literal["delta", "parquet", "csv", "json"]
Whole = Annotated[int, Field(strict=True), BeforeValidator(as_whole)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(as_flag)]
OptionName = Annotated[StrictStr, AfterValidator(_option_name)]
OptionValue = Annotated[Any, AfterValidator(_option_value), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Options = dict[OptionName, OptionValue]
Mapped = dict[str, Any]
"""A mapping whose entries another part validates."""


def one_or_more(schema: dict[str, Any]) -> WithJsonSchema:
    """Return the JSON Schema of what `as_tuple` accepts: one value, or a list of at least one."""
    return WithJsonSchema({"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]})


FormerNames = Annotated[
    tuple[Annotated[Text, AfterValidator(_former_name)], ...],
    BeforeValidator(as_tuple),
    one_or_more({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,59}$"}),
    Field(description="the name, or the names, that it had before; a run gives the tables of that name the new one"),
]


def json_schema_of(kind: type[Any]) -> dict[str, Any]:
    """Return the JSON Schema of a part, without references, because it may become a part of a larger one."""
    schema = TypeAdapter(kind).json_schema()
    return dict(_inlined(schema, schema.pop("$defs", {})))


def _inlined(value: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(each, parts) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        part = parts[value["$ref"].rpartition("/")[2]]
        return _inlined(part | {name: each for name, each in value.items() if name != "$ref"}, parts)
    return {name: _inlined(each, parts) for name, each in value.items()}


def read_part(kind: type[Part], place: Place, problems: list[Problem]) -> Part | None:
    """Return the value at `place` as a validated `kind` (a dataclass or model), or None and add to `problems`."""
    if place.is_unread:
        return None
    hashable: Any = kind
    try:
        part: Part = _adapter(hashable).validate_python(place.value if place.is_there else {})
    except ValidationError as error:
        found = [_problem(detail, kind, place) for detail in _without_misspelled(error.errors(include_url=False))]
        problems += [problem for problem in dict.fromkeys(found) if problem]
        return None
    return part


def faults_of(error: ValidationError, kind: type[Any], values: Mapping[str, Any]) -> list[str]:
    """Return the faults of values from Python in the words in which `read_part` tells those of a file."""
    place, details = place_of(values), _without_misspelled(error.errors(include_url=False))
    found = [_problem(detail, kind, place) for detail in details]
    return [problem.message for problem in dict.fromkeys(found) if problem]


def place_of(values: Mapping[str, Any]) -> Place:
    """Return values from Python as a place of a document, which has no lines."""
    return Place(Document("values", dict(values), dict.fromkeys(_paths((), values), 0)))


def _paths(path: KeyPath, value: Any) -> Iterator[KeyPath]:
    """Yield the paths of a value and of all that is inside of it."""
    yield path
    inside = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    )
    for key, each in inside:
        yield from _paths((*path, key), each)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _without_misspelled(details: list[Any]) -> list[Any]:
    """Return the errors without those of keys that are missing only because they are misspelled."""
    missing = {detail["loc"][-1] for detail in details if detail["type"] == "missing"}
    unknown_keys = [detail["loc"][-1] for detail in details if detail["type"] in _UNKNOWN_KEYS]
    # A misspelled key is one mistake, not an unknown key and a missing one.
    misspelled = {nearest(str(key), missing) for key in unknown_keys}
    return [each for each in details if each["type"] != "missing" or each["loc"][-1] not in misspelled]


def _problem(detail: Any, kind: Any, place: Place) -> Problem | None:
    """Return the problem of one of pydantic's errors, or None if a problem of the file already explains it."""
    at, message = place.at(*detail["loc"]), _message(detail)
    if at.is_unread:
        return None
    if detail["type"] == "missing" or detail["type"] in _UNKNOWN_KEYS:
        *around, key = detail["loc"]
        fields = _part_at(kind, around).__pydantic_fields__
        if detail["type"] == "missing":
            return at.problem(f"`{at.name}` is missing; expected {fields[key].description}")
        known = [field.alias or name for name, field in fields.items()]
        return at.problem(f"{_inside(place.at(*around))}{unknown('key', str(key), known=known)}")
    broken = detail.get("ctx", {}).get("error")
    if isinstance(broken, FieldError):
        at = at.at(broken.field)
    while at.path not in at.document.lines and len(at.path) > len(place.path) and detail["loc"]:
        # Validators turn one value into a list, and name the members of unions; the file has neither.
        at = Place(at.document, at.path[:-1])
    if at.is_unread:
        return None
    if message.startswith("expected"):
        is_text = isinstance(at.value, str) and detail["type"] in {"int_type", "bool_type"}
        message += f", given {'the text ' if is_text else ''}{at.given}{_quoting(detail['type'], at)}"
    return at.problem(f"`{at.name}`: {message}" if at.name else message)


def _part_at(kind: Any, keys: list[str | int]) -> Any:
    """Return the kind of a part inside of a part, as its annotations name it."""
    for key in keys:
        annotation = kind.__pydantic_fields__[key].annotation if isinstance(key, str) else kind
        # The item of a list, or the part of `Part | None`.
        while not hasattr(annotation, "__pydantic_fields__") and get_args(annotation):
            annotation = get_args(annotation)[0]
        kind = annotation
    return kind


def _inside(place: Place) -> str:
    return f"`{place.name}`: " if place.name else ""


_EXPECTED: Mapping[str, str] = {
    "string_type": "expected a text",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "dict_type": "expected a mapping (`key: value`)",
    "dataclass_type": "expected a mapping (`key: value`)",
    "model_type": "expected a mapping (`key: value`)",
    "too_short": "expected at least one",
}
_LIMITS: Mapping[str, str] = {"greater_than_equal": "at least", "less_than_equal": "at most"}


def _message(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        error = context["error"]
        return error.message if isinstance(error, FieldError) else str(error)
    if kind == "literal_error":
        return _one_of(detail["input"], re.findall("'([^']*)'", context["expected"]))
    if kind in _LIMITS:
        return f"expected {_LIMITS[kind]} {next(iter(context.values()))}"
    said: str = detail["msg"]
    return _EXPECTED.get(kind) or said.replace("Input should be", "expected a value")


def _one_of(given: Any, known: list[str]) -> str:
    return unknown("value", given, known=known) if isinstance(given, str) else f"expected one of {ticked(known)}"


def _quoting(kind: str, place: Place) -> str:
    """Return the advice to quote a text that YAML reads as another type, such as `no` or 2024-01-01."""
    value = place.value
    text = place.document.texts.get(place.path)
    # Parameters that Python code gives have no text.
    if kind != "string_type" or value is None or text is None or isinstance(value, dict | list):
        return ""
    read_as = next(name for known, name in _READ_AS if isinstance(value, known))
    return f", which YAML reads as {read_as}; quote it: `'{printable(text)}'`"


_READ_AS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "a whole number"),
    (float, "a number"),
    (date, "a date"),
    (object, "another type"),
)
