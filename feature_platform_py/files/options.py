"""Options of readers, by Spark's names: each is honoured, or refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from feature_platform_py.core.suggestions import printable, unknown
from feature_platform_py.files.csv_text import Dialect
from feature_platform_py.files.patterns import DatePattern
from feature_platform_py.files.text import known_compression, known_encoding


@dataclass(frozen=True)
class TextOptions:
    """How text files are read; `dialect` is that of CSV."""

    dialect: Dialect = field(default_factory=Dialect)
    encoding: str = "utf-8-sig"
    compression: str | None = None
    pattern: str = "*"
    is_recursive: bool = False
    infers: bool = True
    date_format: str | None = None
    time_format: str | None = None
    is_multi_line: bool = False


_CSV = (
    "header", "sep", "delimiter", "quote", "escape", "comment", "encoding", "charset", "compression", "lineSep", "nullValue",
    "emptyValue", "inferSchema", "dateFormat", "timestampFormat", "ignoreLeadingWhiteSpace", "ignoreTrailingWhiteSpace",
    "allowTruncatedRows", "multiLine", "mode", "pathGlobFilter", "recursiveFileLookup",
)  # fmt: skip
_JSON = (
    "encoding", "charset", "compression", "multiLine", "primitivesAsString", "dateFormat", "timestampFormat", "mode",
    "pathGlobFilter", "recursiveFileLookup",
)  # fmt: skip
_PARQUET = ("mergeSchema", "pathGlobFilter", "recursiveFileLookup")
_DELTA = ("versionAsOf", "timestampAsOf")
# These name an earlier version of a Delta table.
VERSIONS = ("versionasof", "timestampasof")
KNOWN: Mapping[str, tuple[str, ...]] = {"csv": _CSV, "json": _JSON, "parquet": _PARQUET, "delta": _DELTA}

_COLUMNS = 'declare the columns: `columns: {amount: {type: decimal(12,2), decimal: ","}}`'
_REFUSED: Mapping[str, str] = {
    "locale": f"the spelling of numbers and dates is declared for each column; {_COLUMNS}",
    "samplingratio": "types are inferred from every row; remove it",
    "schemainfermaxrecords": "types are inferred from every row; remove it",
    "prefersdecimal": f"numbers that do not fit a double become decimals; otherwise {_COLUMNS}",
    "columnnameofcorruptrecord": "a record that does not parse is an error, with its file and line; remove it",
    "enforceschema": "columns are found by the names of the header; remove it",
    "chartoescapequoteescaping": "it is the `escape` character; remove it",
    "unescapedquotehandling": "a quote that does not delimit a value is an error, with its file and line; remove it",
    "maxcolumns": "no such limit exists; remove it",
    "maxcharspercolumn": "no such limit exists; remove it",
    "timestampntzformat": "give the column a format: `columns: {at: {type: timestamp_ntz, format: ...}}`",
    "nanvalue": "the only spelling is `NaN`; for others read the column as a string",
    "positiveinf": "the spellings are `Infinity` and `inf`; for others read the column as a string",
    "negativeinf": "the spellings are `-Infinity` and `-inf`; for others read the column as a string",
    "preferdate": "a column whose texts are all dates is a date; remove it",
}


def option_key(name: str) -> str:
    """Return the option's name for comparison: in lower case, without `_`."""
    return name.lower().replace("_", "")


def option_fault(name: str, value: str, *, format: str) -> str | None:  # noqa: A002
    """Return why a reader of the format refuses an option, or None."""
    if format not in KNOWN:
        return None
    key = option_key(name)
    if key in _REFUSED:
        return f"option `{printable(name)}` is not supported: {_REFUSED[key]}"
    if key not in {option_key(each) for each in KNOWN[format]}:
        return unknown("option", name, known=KNOWN[format])
    try:
        _read(key, value, format)
    except ValueError as error:
        return f"option `{printable(name)}`: {error}, given `{printable(value)}`"
    return None


def text_options(options: Mapping[str, str], format: str) -> TextOptions:  # noqa: A002
    """Return checked options as settings of the reader."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        found |= _read(option_key(name), value, format)
    dialect = {name: found.pop(name) for name in list(found) if name in Dialect.__dataclass_fields__}
    both = {name: dialect[name] for name in ("encoding", "compression") if name in dialect}
    return TextOptions(dialect=Dialect(**dialect), **both, **found)


def _read(key: str, value: str, format: str) -> dict[str, Any]:  # noqa: A002
    """Return the settings that one option implies. Raises ValueError with what was expected."""
    if key == "escape" and value == '"':
        return {}
    if key == "multiline" and format == "csv":
        _flag(value)
        return {}
    field, read = _READ[key]
    found = read(value)
    return {} if field is None else {field: found}


def _flag(value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise ValueError("expected true or false")
    return value.lower() == "true"


def _character(value: str) -> str:
    if len(value.encode()) > 1:
        raise ValueError("expected one character of ASCII, or an empty text for none")
    return value


def _separator(value: str) -> str:
    value = value.replace("\\t", "\t")
    if not value or set(value) & set("\r\n"):
        raise ValueError("expected one or more characters, and no line break")
    return value


def _line_separator(value: str) -> str:
    value = value.replace("\\r", "\r").replace("\\n", "\n")
    if not value:
        raise ValueError("expected one or more characters")
    return value


def _mode(value: str) -> str:
    if value.upper() != "FAILFAST":
        raise ValueError(
            "expected `FAILFAST`, the only mode: a record that does not parse is an error, and is neither dropped nor made NULL"
        )
    return value


def _version(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise ValueError("expected the number of a version")
    return value


def _time(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?", value):
        raise ValueError("expected a time such as `2024-01-31 12:30:00`")
    return value


def _merged(value: str) -> str:
    if value.lower() != "true":
        raise ValueError("expected true, the only way: a source has the columns of all its files")
    return value


def _pattern(value: str) -> str:
    DatePattern(value)
    return value


_READ: Mapping[str, tuple[str | None, Callable[[str], Any]]] = {
    "header": ("header", _flag),
    "sep": ("sep", _separator),
    "delimiter": ("sep", _separator),
    "quote": ("quote", _character),
    "escape": ("escape", _character),
    "comment": ("comment", _character),
    "encoding": ("encoding", known_encoding),
    "charset": ("encoding", known_encoding),
    "compression": ("compression", known_compression),
    "linesep": ("line_sep", _line_separator),
    "nullvalue": ("null_value", str),
    "emptyvalue": ("empty_value", str),
    "inferschema": ("infers", _flag),
    "primitivesasstring": ("infers", lambda value: not _flag(value)),
    "dateformat": ("date_format", _pattern),
    "timestampformat": ("time_format", _pattern),
    "ignoreleadingwhitespace": ("trim_left", _flag),
    "ignoretrailingwhitespace": ("trim_right", _flag),
    "allowtruncatedrows": ("allow_truncated_rows", _flag),
    "multiline": ("is_multi_line", _flag),
    "mode": (None, _mode),
    "versionasof": (None, _version),
    "timestampasof": (None, _time),
    "mergeschema": (None, _merged),
    "pathglobfilter": ("pattern", str),
    "recursivefilelookup": ("is_recursive", _flag),
}
