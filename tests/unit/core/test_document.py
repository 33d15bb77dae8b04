"""Reading YAML: what is no YAML mapping is told with its line, and nothing in a file can hurt the reader."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.document import MAX_BYTES, Document, Place, read_document
from feature_platform_py.core.errors import ConfigurationError


def read(folder: Path, content: bytes) -> Document:
    path = folder / "some.yaml"
    path.write_bytes(content)
    return read_document(path)


EMPTY = "the file is empty; expected a mapping (`key: value`)"
NO_MAPPING = "expected a mapping (`key: value`) at the top of the file"
NO_UTF8 = "the file is not UTF-8 text; save it as UTF-8"
TOO_DEEP = "the YAML is nested deeper than 20 levels"
TOO_MANY = "the YAML holds more than 20000 values, aliases (`*name`) written out"
BOMB = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 10)) for name in b"bcdefgh"
)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        pytest.param(b"", 1, EMPTY, id="empty"),
        pytest.param(b"\n  \n", 1, EMPTY, id="blank"),
        pytest.param(b"# nothing\n", 1, EMPTY, id="comment"),
        pytest.param(b"~\n", 1, EMPTY, id="null"),
        pytest.param(b"\n- a\n- b\n", 2, NO_MAPPING, id="list"),
        pytest.param(b"job\n", 1, NO_MAPPING, id="text"),
        pytest.param("a: b\n".encode("utf-16"), 1, NO_UTF8, id="utf_16"),
        pytest.param("a: b\nc: dürr\n".encode("latin-1"), 2, NO_UTF8, id="latin_1"),
        pytest.param(
            b"#" * MAX_BYTES + b"\n",
            1,
            f"the file is larger than {MAX_BYTES} bytes; expected a small YAML file",
            id="huge",
        ),
        pytest.param(b"a:\n " + b"[" * 50 + b"]" * 50, 2, TOO_DEEP, id="deep"),
        pytest.param(b"a: " + b"[" * 500_000, 1, TOO_DEEP, id="deep_enough_to_end_a_stack"),
        pytest.param(b"a: [" + b"1," * 30_000 + b"]", 1, TOO_MANY, id="many_values"),
        pytest.param(BOMB, 1, TOO_MANY, id="aliases_of_aliases"),
        pytest.param(b"a: &a [*a]\n", 1, TOO_DEEP, id="alias_of_itself"),
        pytest.param(b"a: 1\nb: \x07\n", 2, "the character `\\x07` is not allowed in YAML; remove it", id="control"),
        pytest.param(
            b"a: 1\n---\nb: 1\n",
            2,
            "a second YAML document (`---`) starts here; expected one document per file",
            id="two",
        ),
        pytest.param(
            b"a:\n\tb: 1\n",
            2,
            "the YAML does not parse: while scanning for the next token, found character that cannot start any token; "
            "indent with spaces, because YAML does not allow tabs",
            id="tab",
        ),
    ],
)
def test_a_file_that_is_no_yaml_mapping_is_refused(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(tmp_path, content)
    assert [(problem.line, problem.message) for problem in raised.value.problems] == [(line, message)]


@pytest.mark.parametrize("name", ["nothing.yaml", "."])
def test_a_path_that_cannot_be_read_is_a_problem(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r":1: cannot be read: .* Give the path of a YAML file"):
        read_document(tmp_path / name)


def test_a_path_with_a_nul_is_a_problem() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_document(Path("a\0b"))


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, b"a: 1\nb:\n  - x\n  - {c: 1,\n     d: 2}\ne: >\n  long\n  text\nf: last\n")
    assert document.line("a") == 1
    assert document.line("b") == 2
    assert document.line("b", 0) == 3
    assert document.line("b", 1, "c") == 4
    assert document.line("b", 1, "d") == 5
    assert document.line("f") == 9


def test_what_is_not_there_has_the_line_around_it(tmp_path: Path) -> None:
    document = read(tmp_path, b"\na:\n  b: 1\n")
    assert document.line("a", "b", "c", 0) == 3
    assert document.line("a", "x") == 2
    assert document.line("x") == 1


def test_a_place_has_a_name_and_a_value(tmp_path: Path) -> None:
    place = Place(read(tmp_path, b"a:\n  - b: text\n")).at("a", 0, "b")
    assert (place.name, place.value, place.given) == ("a[0].b", "text", "`text`")
    assert place.at("c").value is None


def test_aliases_are_written_out(tmp_path: Path) -> None:
    document = read(tmp_path, b"a: &name {x: 1}\nb: *name\n")
    assert document.values == {"a": {"x": 1}, "b": {"x": 1}}


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\n").values == {"a": 1}


def test_windows_line_ends_count_once(tmp_path: Path) -> None:
    assert read(tmp_path, b"a: 1\r\nb: 2\r\n").line("b") == 2


@pytest.mark.parametrize(
    "text",
    ["!!python/object/apply:os.system [id]", "!!python/name:os.system x", "!!binary aGk=", "!local x", "!!set {a}"],
)
def test_tags_build_nothing(tmp_path: Path, text: str) -> None:
    document = read(tmp_path, f"a: 1\nb: {text}\n".encode())
    assert document.values["b"] is None
    assert [(problem.line, problem.message[:7]) for problem in document.problems] == [(2, "the tag")]
