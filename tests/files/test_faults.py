"""What a file cannot be read as is one message: the file, the line, what was expected, what was given."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from feature_platform_py.core.errors import ConfigurationError, DataCheckError, FeaturePlatformError
from feature_platform_py.files.columns import Reading
from feature_platform_py.warehouse.external_sources import external_source, source_copy

TYPES = (("id", "bigint"), ("amount", "decimal(12,2)"), ("t", "timestamp"), ("d", "date"))
HEADER = "id,note,amount,t,d\n"
GOOD = "1,x,1.50,2020-01-01 00:00:00,2020-01-01\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fault(files: dict[str, str | bytes], kind: str = "csv", **declared: Any) -> FeaturePlatformError:
    for name, content in files.items():
        path = Path("in", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    location = f"in/{next(iter(files))}" if len(files) == 1 else "in"
    options = ({"header": True} if kind == "csv" else {}) | declared.pop("options", {})
    with pytest.raises(FeaturePlatformError) as raised:
        source_copy(external_source(location, kind, options=options, **declared), Path("copies"))
    assert not list(Path().glob("copies/*/*"))
    return raised.value


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('2,x,"12,50",2020-01-01 00:00:00,2020-01-01', "column `amount`: `12,50` is not a decimal(12,2)"),
        ("2,x,12 EUR,2020-01-01 00:00:00,2020-01-01", "column `amount`: `12 EUR` is not a decimal(12,2)"),
        ("2,x,1.239,,", "column `amount`: `1.239` is not a decimal(12,2)"),
        ("2,x,99999999999,,", "column `amount`: `99999999999` is not a decimal(12,2)"),
        ("2.5,x,1,2020-01-01 00:00:00,2020-01-01", "column `id`: `2.5` is not a bigint"),
        ("0x1F,x,1,,", "column `id`: `0x1F` is not a bigint"),
        (f"{2**63},x,1,,", f"column `id`: `{2**63}` is not a bigint"),
        ("2,x,1,2020-13-01 00:00:00,2020-01-01", "column `t`: `2020-13-01 00:00:00` is not a timestamp"),
        ("2,x,1,2020-01-01 00:00:00.123456789,", "column `t`: `2020-01-01 00:00:00.123456789` is not a timestamp"),
        ("2,x,1,2020-01-01 00:00:00,01/02/2020", "column `d`: `01/02/2020` is not a date"),
        ("2,x,1,,2020-02-30", "column `d`: `2020-02-30` is not a date"),
        ("2,x, 7,2020-01-01 00:00:00,2020-01-01", "column `amount`: ` 7` is not a decimal(12,2)"),
        ("2,x,1,2020-1-1,2020-01-01", "column `t`: `2020-1-1` is not a timestamp"),
        ("2,x,1", "the row has 3 fields. Expected 5; a value that holds `,` needs quotes around it"),
        ("2,x,1,2020-01-01,,y", "the row has 6 fields. Expected 5; a value that holds `,` needs quotes around it"),
    ],
)
def test_a_bad_value_is_found_with_its_line(row: str, message: str) -> None:
    found = fault({"a.csv": f"{HEADER}{GOOD}{row}\n{GOOD}"}, columns=TYPES)
    assert str(found) == f"in/a.csv:3: {message}"
    assert isinstance(found, DataCheckError)


def test_lines_are_physical_lines() -> None:
    text = HEADER + '1,"two\nlines",1,,\n\n' + "2,x,bad,,\n" + '3,"more\n\nlines",worse,,\n'
    assert str(fault({"a.csv": text}, columns=TYPES)).splitlines() == [
        "in/a.csv:5: column `amount`: `bad` is not a decimal(12,2)",
        "in/a.csv:6: column `amount`: `worse` is not a decimal(12,2)",
    ]


def test_the_line_is_right_far_into_a_large_file() -> None:
    many = "".join(f'{number},"a\nb",1,,\n' for number in range(900_000))
    found = fault({"a.csv": f"{HEADER}{many}7,x,bad,,\n"}, columns=TYPES)
    assert str(found) == "in/a.csv:1800002: column `amount`: `bad` is not a decimal(12,2)"


def test_only_the_first_five_are_reported() -> None:
    text = HEADER + "".join(f"{number},x,bad{number},,\n" for number in range(9))
    lines = str(fault({"a.csv": text}, columns=TYPES)).splitlines()
    assert [line.partition(" column")[0] for line in lines] == [f"in/a.csv:{line}:" for line in range(2, 7)]


def test_a_folder_names_its_file() -> None:
    found = fault({"a.csv": HEADER + GOOD, "b.csv": HEADER + "2,x,bad,,\n"}, columns=TYPES)
    assert str(found) == "in/b.csv:2: column `amount`: `bad` is not a decimal(12,2)"


_QUOTES = (
    'a value starts with `"`. Expected `"` and then `,` or a new line at its end, and `""` for a quote inside it;'
    ' for files without quoting give the option `quote: ""`'
)
_NOT_JSON = "with records over several lines, or in a list, give the option `multiLine: true`"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", 'a,b\n1,x\n2,"y\n3,z\n', f"in/a.csv:3: {_QUOTES}"),
        ("a.csv", 'a,b\n1,x\n2,"y\n3,"z"\n', f"in/a.csv:3: {_QUOTES}"),
        ("a.csv", 'a,b\n1,"y"z\n', f"in/a.csv:2: {_QUOTES}"),
        (
            "a.csv",
            "a\nx\nMüller\n".encode("latin-1"),
            "in/a.csv:3: expected UTF-8, given the byte FC, which is not valid in it;"
            " name the file's encoding with the option `encoding`, such as `windows-1252` or `UTF-16`",
        ),
        ("a.csv", "", "in/a.csv: expected a header with distinct names, given []"),
        ("a.csv", "a,A\n1,2\n", "in/a.csv: expected a header with distinct names, given ['a', 'A']"),
        (
            "a.csv.gz",
            gzip.compress(os.urandom(99_999))[:5000],
            "in/a.csv.gz: expected a whole compressed file, given one that does not unpack:"
            " Compressed file ended before the end-of-stream marker was reached; copy it again,"
            " or name its compression with the option `compression`",
        ),
        (
            "a.csv.zip",
            b"PK",
            "in/a.csv.zip: expected a file without compression, or one that ends in `.gz`, `.bz2`, `.zst`, `.xz`, given"
            " `.zip`; unpack it, or compress it with one of these",
        ),
        (
            "a.json",
            '{"a": 1}\n{"a": 2\n',
            f"in/a.json:2: expected a JSON object on each line, given `{{\"a\": 2`: Expecting ',' delimiter; {_NOT_JSON}",
        ),
        ("a.json", '{"a": 1}\n[1, 2]\n', f"in/a.json:2: expected a JSON object, given `[1, 2]`; {_NOT_JSON}"),
        (
            "a.json",
            '{"a": 1, "b": 2, "a": 3}\n',
            'in/a.json:1: expected a JSON object on each line, given `{"a": 1, "b": 2, "a": 3}`: the key `a` appears twice;'
            f" {_NOT_JSON}",
        ),
        (
            "a.json",
            '{"a": 1}\n{"A": 2}\n',
            "in/a.json:2: the key `A` and the column `a` are the same name to Spark; spell them the same way",
        ),
        ("a.json", "\n", "in/a.json: expected at least one JSON record, or declared columns; given none"),
    ],
)
def test_a_file_that_does_not_parse_is_named(name: str, content: str | bytes, message: str) -> None:
    assert str(fault({name: content}, "json" if name == "a.json" else "csv")) == message


def test_a_key_of_two_kinds_is_an_error_that_names_both_files() -> None:
    found = fault({"a.json": '{"a": {"b": 1}}\n', "b.json": '{"a": {"b": 1.5}}\n{"a": {"b": "x"}}\n'}, "json")
    assert str(found) == (
        "in/b.json:2: column `a.b`: expected a number, as in in/a.json:1, given the text `x`; to read all as text, declare it:"
        ' `columns: {"a.b": {type: string}}`'
    )


def test_files_of_other_columns_are_named() -> None:
    found = fault({"a.csv": "a,b\n1,2\n", "b.csv": "b,a\n1,2\n"})
    assert str(found) == "in/b.csv: expected the header of `in/a.csv`, ['a', 'b'], given ['b', 'a']"
    found = fault({"x=1/a.csv": "a,b\n1,2\n", "a.csv": "a,b\n1,2\n", "b.csv": "a,b\n1,2\n"})
    assert str(found) == (
        "in/x=1/a.csv: expected folders that name the columns [], as those of `in/a.csv`, given ['x']; move the file, or give"
        " `recursiveFileLookup: true`"
    )


def test_a_file_of_data_is_never_left_out_in_silence() -> None:
    found = fault({"a.csv": "a\n1\n", "_b.csv": "a\n2\n"})
    assert str(found) == (
        "in/_b.csv: a name that begins with `_` says that the file is not data; rename the file, or leave it out with the option"
        " `pathGlobFilter: '[!_]*'`"
    )


def test_columns_of_a_folder_and_of_its_files_are_told_apart() -> None:
    found = fault({"a=1/x.csv": "a\n1\n", "a=2/x.csv": "a\n1\n"})
    assert str(found) == "in/a=1/x.csv: expected a header with distinct names, given ['a', 'a']"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"headr": True}, "option `headr` is unknown. Did you mean `header`? Known: `header`, `sep`, "),
        ({"delimeter": ";"}, "option `delimeter` is unknown. Did you mean `delimiter`? Known: "),
        ({"mode": "PERMISSIVE"}, "option `mode`: expected `FAILFAST`, the only mode: "),
        ({"locale": "de"}, "option `locale` is not supported: the spelling of numbers and dates is declared for each column; "),
        ({"encoding": "klingon"}, "option `encoding`: expected an encoding such as `UTF-8`, "),
        ({"compression": "lz4"}, "option `compression`: expected one of `gzip`, `bzip2`, `zstd`, `xz`, `none`, given `lz4`"),
        ({"header": "yes"}, "option `header`: expected true or false, given `yes`"),
        ({"quote": "''"}, "option `quote`: expected one character of ASCII, or an empty text for none, given `''`"),
        ({"dateFormat": "EEE d"}, "option `dateFormat`: expected a pattern of `yyyy`, "),
        ({"dateFormat": "yyyy-MM"}, "option `dateFormat`: expected a pattern with year, month and day, "),
        ({"lineSep": ""}, "option `lineSep`: expected one or more characters, given ``"),
    ],
)  # fmt: skip
def test_an_option_is_honoured_or_refused(options: dict[str, object], message: str) -> None:
    found = fault({"a.csv": "a\n1\n"}, options=options)
    assert isinstance(found, ConfigurationError)
    assert str(found).startswith(f"in/a.csv: {message}")


def test_all_wrong_options_are_named_at_once() -> None:
    assert len(str(fault({"a.json": ""}, "json", options={"headr": 1, "sep": ";"})).splitlines()) == 2


def test_declared_columns_must_be_there() -> None:
    found = fault({"a.csv": "a\n1\n"}, readings={"b": Reading("int"), "a": Reading(rename="A")})
    assert str(found) == "in/a.csv: column `b` is declared, but the header lacks it. Existing columns: `a`"
    found = fault({"a.json": '{"a": 1}\n'}, "json", columns=(("b", "int"),))
    assert str(found) == "in/a.json: column `b` is declared, but no record has it. Existing columns: `a`"


@pytest.mark.parametrize(
    ("reading", "value", "message"),
    [
        (Reading("date", "dd.MM.yyyy"), "31.02.2024", "`31.02.2024` is not a date written as `dd.MM.yyyy`"),
        (Reading("date", "yyyyMMdd"), "1997-01-01", "`1997-01-01` is not a date written as `yyyyMMdd`"),
        (Reading("decimal(9,2)", decimal=","), "1.50", "`1.50` is not a decimal(9,2) with `,` before its decimals"),
        (
            Reading("decimal(9,2)", decimal=",", group="."),
            "12.34",
            "`12.34` is not a decimal(9,2) with `,` before its decimals and `.` between thousands",
        ),
        (Reading("timestamp", "epoch_ms"), "1.5", "`1.5` is not a timestamp written as `epoch_ms`"),
        (Reading("double"), "1e400", "`1e400` is not a double"),
        (Reading("boolean"), "1", "`1` is not a boolean"),
        (Reading("tinyint"), "128", "`128` is not a tinyint"),
    ],
)
def test_a_value_in_another_format_is_told_what_was_expected(reading: Reading, value: str, message: str) -> None:
    assert str(fault({"a.csv": f"a;b\n{value};x\n"}, readings={"a": reading}, options={"sep": ";"})) == (
        f"in/a.csv:2: column `a`: {message}"
    )


def test_text_on_some_storage_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"hdfs://b/a\.csv: csv files are read by this machine"):
        external_source("hdfs://b/a.csv", "csv")
