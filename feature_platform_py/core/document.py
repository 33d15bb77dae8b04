"""Read a YAML file as plain values with their line numbers.

YAML is read safely: only plain values, with bounded size, depth and aliases. Every fault becomes a Problem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import ConfigurationError, Problem
from feature_platform_py.core.project_files import file_fault
from feature_platform_py.core.suggestions import escaped, printable

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_VALUES = 20_000

KeyPath = tuple[str | int, ...]
"""The path to a value: keys and list positions."""


def path_name(path: KeyPath) -> str:
    """Return a path as a reader writes it: `feature_transformers[0].params`."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")


_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_VARIABLE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})?", re.ASCII)
_SECRET_NAME = re.compile("TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|KEY", re.IGNORECASE)
# YAML 1.1 reads 030 as 24, 1:30 as 90 and 1_000 as 1000; people do not.
_PLAIN_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE
)


class EnvironmentText(str):
    """A text with a value of the environment in it. A field of another type may read it as its own type."""

    __slots__ = ()


@dataclass(frozen=True)
class Document:
    """The values of a YAML file, the line and the text of each, and the problems of the file itself."""

    file: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    texts: Mapping[KeyPath, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unread: frozenset[KeyPath] = frozenset()

    def line(self, *path: str | int) -> int:
        """Return the line of the value at `path`, or of the nearest existing value around it."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 1)


@dataclass(frozen=True)
class Place:
    """A position in a document, for messages about the value there."""

    document: Document
    path: KeyPath = ()

    def at(self, *keys: str | int) -> Place:
        """Return the position of a value inside this one."""
        return Place(self.document, self.path + keys)

    def without(self, key: str) -> Place:
        """Return the same position, with no further messages about one key inside."""
        return replace(self, document=replace(self.document, unread=self.document.unread | {(*self.path, key)}))

    @property
    def line(self) -> int:
        """The line in the file."""
        return self.document.line(*self.path)

    @property
    def name(self) -> str:
        """The keys that lead here, as a reader writes them: `feature_transformers[0].params`."""
        return path_name(self.path)

    @property
    def value(self) -> Any:
        """The plain value, or None."""
        value: Any = self.document.values
        for key in self.path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    @property
    def items(self) -> list[Place]:
        """The positions of a list's items; none where the value is not a list."""
        return [self.at(position) for position in range(len(self.value))] if isinstance(self.value, list) else []

    @property
    def is_there(self) -> bool:
        """Whether the file has this key, with or without a value."""
        return not self.path or self.path in self.document.lines

    @property
    def is_unread(self) -> bool:
        """Whether a problem of the file already explains the missing value."""
        unread = self.document.unread
        return bool(unread) and any(self.path[:end] in unread for end in range(len(self.path) + 1))

    @property
    def given(self) -> str:
        """The value as written in the file (`5`, a list, nothing), with its variables, never with their values."""
        value = self.value
        if isinstance(value, dict | list):
            return "a mapping" if isinstance(value, dict) else "a list"
        if value is None or value == "":
            return "nothing" if value is None else "an empty text"
        return f"`{printable(self.document.texts.get(self.path, str(value)))}`"

    def problem(self, message: str) -> Problem:
        """Return a problem of this line."""
        return Problem(self.document.file, self.line, escaped(message))


NOWHERE = Place(Document("<no file>"))
"""The place of a configuration that was built in Python."""


def read_document(path: Path) -> Document:
    """Return the document of a YAML file whose top is one mapping.

    Raises ConfigurationError if the file cannot be read. Lesser faults are in its `problems`.
    """
    file = _shown(path)
    root = _Composition(file, _text(path, file)).root()
    builder = _Builder(file)
    values = builder.mapping(root, ())
    return Document(file, values, builder.lines, builder.texts, tuple(builder.problems), frozenset(builder.unread))


def _shown(path: Path) -> str:
    """Return the path as a user writes it: relative to the working directory if it lies below that."""
    is_below = path.is_absolute() and path.is_relative_to(Path.cwd())
    return printable(str(path.relative_to(Path.cwd()) if is_below else path), 300)


def with_environment(document: Document, environ: Mapping[str, str], *, never: frozenset[KeyPath]) -> Document:
    """Return the document with `${VAR}` and `${VAR:-default}` in its texts replaced once; the new text is data.

    `$${` stands for a plain `${`. A missing variable, and any variable at a path of `never`, is a problem.
    """
    substitution = _Substitution(document, environ, never)
    values = substitution.value(document.values, ())
    return replace(
        document,
        values=values,
        problems=document.problems + tuple(substitution.problems),
        unread=document.unread | substitution.unread,
    )


def _text(path: Path, file: str) -> str:
    if fault := file_fault(path):
        raise _failure(file, 1, fault)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _failure(file, 1, f"cannot be read: {reason}. Give the path of a YAML file") from error
    if len(content) > MAX_BYTES:
        raise _failure(file, 1, f"the file is larger than {MAX_BYTES} bytes; expected a small YAML file")
    try:
        # Editors on Windows put a byte order mark in front; it is not part of the first key.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _failure(file, line, "the file is not UTF-8 text; save it as UTF-8") from error
    if found := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise _failure(file, line, f"the character `{printable(found[0])}` is not allowed in YAML; remove it")
    return text


def _failure(file: str, line: int, message: str) -> ConfigurationError:
    return ConfigurationError([Problem(file, line, message)])


class _Composition:
    """Reads text into YAML's own nodes, within bounds."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    def root(self) -> Any:
        """Return the node of the mapping at the document's top."""
        import yaml

        # The loader in C is much faster than the one in Python, but not every install has it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            self._check_bounds(yaml.parse(self.text, Loader=loader))
            node = yaml.compose(self.text, Loader=loader)
        except yaml.YAMLError as error:
            raise self._syntax_error(error) from error
        if node is None or node.tag == "tag:yaml.org,2002:null":
            raise _failure(self.file, 1, "the file is empty; expected a mapping (`key: value`)")
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1
            raise _failure(self.file, line, "expected a mapping (`key: value`) at the top of the file")
        return node

    def _check_bounds(self, events: Any) -> None:
        """Check depth and size before nodes are made, because making them recurses once per level."""
        depth = values = documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "ScalarEvent" or kind == "AliasEvent":
                values += 1
            else:
                depth += (kind in _STARTS) - (kind in _ENDS)
                values += kind in _STARTS
                documents += kind == "DocumentStartEvent"
            if depth > MAX_DEPTH or values > MAX_VALUES or documents > 1:
                raise _failure(self.file, event.start_mark.line + 1, _bound_fault(depth, values))

    def _syntax_error(self, error: Any) -> ConfigurationError:
        marks = [getattr(error, name, None) for name in ("problem_mark", "context_mark")]
        line, start = [mark.line + 1 if mark else None for mark in marks]
        said = [getattr(error, "context", None), getattr(error, "problem", None)]
        reason = printable(", ".join(filter(None, said)) or str(error), 200)
        if line and start and start < line:
            reason += f"; it starts on line {start}"
        lines = self.text.splitlines()
        if line and line <= len(lines) and re.match(r" *\t", lines[line - 1]):
            reason += "; indent with spaces, because YAML does not allow tabs"
        return _failure(self.file, line or start or 1, f"the YAML does not parse: {reason}")


_STARTS = {"MappingStartEvent", "SequenceStartEvent"}
_ENDS = {"MappingEndEvent", "SequenceEndEvent"}


def _bound_fault(depth: int, values: int) -> str:
    if depth > MAX_DEPTH:
        return f"the YAML is nested deeper than {MAX_DEPTH} levels"
    if values > MAX_VALUES:
        return f"the YAML holds more than {MAX_VALUES} values, aliases (`*name`) written out"
    return "a second YAML document (`---`) starts here; expected one document per file"


class _Builder:
    """Makes plain values of nodes, and keeps the line and the text of each."""

    def __init__(self, file: str) -> None:
        from yaml.constructor import SafeConstructor

        self.file = file
        self.lines: dict[KeyPath, int] = {}
        self.texts: dict[KeyPath, str] = {}
        self.problems: list[Problem] = []
        self.unread: set[KeyPath] = set()
        self._constructor = SafeConstructor()
        self._values = 0

    def mapping(self, node: Any, path: KeyPath) -> dict[str, Any]:
        """Return the entries with text keys; a key of another type, or a repeated one, is a problem."""
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            # The first of two equal keys is kept, so that one mistake gives one problem.
            if fault := self._key_fault(key_node, path, result):
                self.problems.append(Problem(self.file, line, fault))
                continue
            place = (*path, key_node.value)
            self.lines[place] = line
            result[key_node.value] = self._value(value_node, place)
        return result

    def _key_fault(self, node: Any, path: KeyPath, result: Mapping[str, Any]) -> str | None:
        if not isinstance(node.value, str):
            return "the key is a list or a mapping; expected a text"
        if node.tag.endswith(":merge"):
            return "merge keys (`<<`) are not supported; write the keys out"
        if not node.tag.endswith(":str"):
            read_as = f"YAML reads the key `{printable(node.value)}` as {_kind(node.tag)}"
            return f"{read_as}; quote it: {_quoted(node.value)}"
        if node.value in result:
            first = self.lines[(*path, node.value)]
            return f"key `{printable(node.value)}` appears twice, first on line {first}; remove one of them"
        return None

    def _value(self, node: Any, path: KeyPath) -> Any:
        self._values += 1
        # Aliases are expanded here, and may contain themselves: both bounds stop that.
        if len(path) > MAX_DEPTH or self._values > MAX_VALUES:
            raise _failure(self.file, node.start_mark.line + 1, _bound_fault(len(path), self._values))
        kind = node.tag.rpartition(":")[2]
        if kind == "map":
            return self.mapping(node, path)
        if kind == "seq":
            return [self._item(item, (*path, position)) for position, item in enumerate(node.value)]
        return self._scalar(node, kind, path)

    def _item(self, node: Any, path: KeyPath) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self._value(node, path)

    def _scalar(self, node: Any, kind: str, path: KeyPath) -> Any:
        if kind in _CONSTRUCTORS and isinstance(node.value, str) and node.tag.startswith("tag:yaml.org,2002:"):
            self.texts[path] = node.value
            if kind == "str":
                return node.value
            if kind not in {"int", "float"} or _PLAIN_NUMBER.fullmatch(node.value):
                try:
                    return getattr(self._constructor, f"construct_yaml_{kind}")(node)
                except (ValueError, KeyError):
                    fault = f"`{printable(node.value)}` is not {_kind(node.tag)} that exists"
                    fault += f"; if it is a text, quote it: {_quoted(node.value)}"
            else:
                fault = f"`{printable(node.value)}` is a number to YAML, but not in plain digits; write plain digits, "
                fault += f"or quote it: {_quoted(node.value)}"
        else:
            fault = f"the tag `{printable(node.tag)}` is not supported; expected a plain value"
        self.problems.append(Problem(self.file, node.start_mark.line + 1, fault))
        self.unread.add(path)
        return None


_CONSTRUCTORS = {"str", "int", "float", "bool", "null", "timestamp"}
_KINDS = {
    "bool": "a boolean",
    "int": "a whole number",
    "float": "a number",
    "null": "nothing",
    "timestamp": "a date",
    "value": "its default key",
}


def _kind(tag: str) -> str:
    return _KINDS.get(tag.rpartition(":")[2], f"`{printable(tag)}`")


def _quoted(text: str) -> str:
    return f"`'{printable(text)}'`"


class _Substitution:
    """Puts environment variables into the texts of a document."""

    def __init__(self, document: Document, environ: Mapping[str, str], never: frozenset[KeyPath]) -> None:
        self.document = document
        self.environ = environ
        self.never = never
        self.problems: list[Problem] = []
        self.unread: set[KeyPath] = set()

    def value(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self.value(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, (*path, position)) for position, inner in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and "${" in value else value

    def _text(self, text: str, path: KeyPath) -> str | None:
        place = Place(self.document, path)
        faults = [self._fault(match, path) for match in _VARIABLE.finditer(text)]
        found = [f"`{place.name}`: {fault}" for fault in faults if fault]
        if found:
            self.problems += [place.problem(message) for message in found]
            self.unread.add(path)
            return None
        return EnvironmentText(_VARIABLE.sub(self._replacement, text))

    def _fault(self, match: re.Match[str], path: KeyPath) -> str | None:
        name = match["name"]
        if match[0] == "$${":
            return None
        if path in self.never:
            return "cannot come from the environment; write the value here"
        if not name:
            return "`${` does not start a variable; expected `${NAME}`, `${NAME:-default}`, or `$${` for a plain `${`"
        if _SECRET_NAME.search(name):
            return (
                f"the environment variable `{name}` is named like a secret, and values of this file reach logs, dbt's artifacts and"
                " the docs; give a secret to the engine's own settings, or rename a variable that is not one"
            )
        if name not in self.environ and match["default"] is None:
            return f"the environment variable `{name}` is not set; set it, or give a default: `${{{name}:-...}}`"
        if not self.environ.get(name, "").isprintable() and _UNPRINTABLE.search(self.environ[name]):
            return f"the environment variable `{name}` contains characters that are not text"
        return None

    def _replacement(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        return self.environ.get(match["name"]) or match["default"] or ""
