"""Files as they come: what is in them, how they are declared, and the rows that must come out, as plain Python says."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_platform_py.files.columns import Reading
from feature_platform_py.warehouse.external_sources import ExternalSource, external_source

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Case:
    """The files of a source, by their names below its folder, and the columns and rows that it has."""

    files: Mapping[str, bytes]
    columns: list[tuple[str, str]]
    rows: Rows
    options: Mapping[str, object] = field(default_factory=dict)
    format: str = "csv"
    declared: tuple[tuple[str, str], ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)

    def source(self, folder: Path) -> ExternalSource:
        """Write the files below the folder and return the source; a single file is its own location."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        location = next(iter(self.files)) if len(self.files) == 1 and "/" not in next(iter(self.files)) else "."
        options = ({"header": True} if self.format == "csv" else {}) | self.options
        return external_source(
            location, self.format, options=options, columns=self.declared, readings=self.readings, folder=folder
        )


def csv(content: str | bytes, columns: str, rows: Rows, **more: Any) -> Case:
    """A single CSV file; its columns as `name type, ...`."""
    encoded = content.encode() if isinstance(content, str) else content
    return Case({more.pop("name", "a.csv"): encoded}, _columns(columns), rows, **more)


def json(content: str | bytes, columns: str, rows: Rows, **more: Any) -> Case:
    """A single file of JSON lines."""
    encoded = content.encode() if isinstance(content, str) else content
    return Case({more.pop("name", "a.json"): encoded}, _columns(columns), rows, format="json", **more)


def folder(files: Mapping[str, str | bytes], columns: str, rows: Rows, **more: Any) -> Case:
    """Files of one folder."""
    encoded = {name: content.encode() if isinstance(content, str) else content for name, content in files.items()}
    return Case(encoded, _columns(columns), rows, **more)


def _columns(text: str) -> list[tuple[str, str]]:
    return [(name, dtype) for name, _, dtype in (each.rpartition(" ") for each in text.split(", "))]


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


D, NAMES = Decimal, "Müller;Möller\nCafé;Straße\n"
_TEN_MEGABYTES = "\n".join(f'{number},"a, line\n""and"" another\n\n{"x" * 60}"' for number in range(120_000))
_LONG_ROWS = [(number, f'a, line\n"and" another\n\n{"x" * 60}') for number in range(120_000)]
MORE = ', "b": "x"'
_IDS = ["12345678901234567890", "12345678901234567891"]

ENCODINGS = {
    **{
        f"encoding_{name}": csv(("a;b\n" + NAMES).encode(name), "a string, b string", [("Müller", "Möller"), ("Café", "Straße")],
                                options={"sep": ";", "encoding": name})
        for name in ("ISO-8859-1", "windows-1252", "UTF-16", "UTF-16LE", "UTF-32", "utf-8")
    },
    "bom": csv(b"\xef\xbb\xbfid,b\n1,x\n", "id bigint, b string", [(1, "x")]),
    "charset_is_encoding": csv("a\n€\n".encode("cp1252"), "a string", [("€",)], options={"charset": "Cp1252"}),
    "beyond_the_first_plane": csv("😀,🏦\n🏦,1\n", "😀 string, 🏦 bigint", [("🏦", 1)]),
    "json_in_latin_1": json('{"a": "é"}\n'.encode("latin-1"), "a string", [("é",)], options={"encoding": "ISO-8859-1"}),
}  # fmt: skip

OPTIONS = {
    "null_value": csv('a,b\nNA,NASA\n"NA",\nx,""\n', "a string, b string", [(None, "NASA"), (None, None), ("x", "")],
                      options={"nullValue": "NA"}),
    "null_value_among_numbers": csv("a\n1\nNA\n2\n", "a bigint", [(1,), (None,), (2,)], options={"nullValue": "NA"}),
    "empty_is_null": csv('a,b\n,""\n1,x\n', "a bigint, b string", [(None, None), (1, "x")]),
    "empty_value": csv('a,b\n1,""\n2,\n', "a bigint, b string", [(1, "none"), (2, None)], options={"emptyValue": "none"}),
    "no_inference": csv("a,b\n1,2020-01-01\n", "a string, b string", [("1", "2020-01-01")], options={"inferSchema": False}),
    "date_format": csv("a\n25.02.2024\n01.03.2024\n", "a date", [(date(2024, 2, 25),), (date(2024, 3, 1),)],
                       options={"dateFormat": "dd.MM.yyyy"}),
    "date_format_of_digits": csv("a\n19970101\n", "a date", [(date(1997, 1, 1),)], options={"dateFormat": "yyyyMMdd"}),
    "timestamp_format": csv("a\n25/02/2024 13:05\n", "a timestamp", [(datetime(2024, 2, 25, 13, 5, tzinfo=UTC),)],
                            options={"timestampFormat": "dd/MM/yyyy HH:mm"}),
    "blanks": csv('a, b\n 1 , "x " \n\t2,y\n', "a bigint, b string", [(1, "x "), (2, "y")],
                  options={"ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True}),
    "blanks_stay": csv("a,b\n x , y\n", "a string, b string", [(" x ", " y")]),
    "line_sep": csv('a,b;1,"x\ny";2,z', "a bigint, b string", [(1, "x\ny"), (2, "z")], options={"lineSep": ";"}),
    "carriage_returns": csv("a,b\r1,x\r2,y\r", "a bigint, b string", [(1, "x"), (2, "y")]),
    "windows_lines": csv('a,b\r\n1,"x\r\ny"\r\n', "a bigint, b string", [(1, "x\r\ny")]),
    "tab": csv("a\tb\n1\tx\n", "a bigint, b string", [(1, "x")], options={"sep": "\\t"}),
    "two_pipes": csv('a||b\n1||x|y\n2||"p||q"\n', "a bigint, b string", [(1, "x|y"), (2, "p||q")], options={"sep": "||"}),
    "no_quote": csv('a,b\n"x,y"z\n', "a string, b string", [('"x', 'y"z')], options={"quote": ""}),
    "other_quote": csv("a,b\n'x,y',\"z\"\n", "a string, b string", [("x,y", '"z"')], options={"quote": "'"}),
    "escape": csv('a,b\n"x\\"y\\\\","p\\q"\n', "a string, b string", [('x"y\\', "p\\q")], options={"escape": "\\"}),
    "comment": csv("#it's \"q\na,b\n#x\n1,\"#no\n#no\"\n", "a bigint, b string", [(1, "#no\n#no")], options={"comment": "#"}),
    "truncated_rows": csv("a,b\n1\n2,x\n", "a bigint, b string", [(1, None), (2, "x")], options={"allowTruncatedRows": True}),
    "no_header": csv("1,x\n", "_c0 bigint, _c1 string", [(1, "x")], options={"header": False}),
    "quotes_inside": csv('a,b\n5" pipe,x"y"z\n', "a string, b string", [('5" pipe', 'x"y"z')]),
    "primitives_as_string": json('{"a": 1.50, "b": true}\n', "a string, b string", [("1.50", "true")],
                                 options={"primitivesAsString": True}),
    "json_over_lines": json('[\n {"a": 1},\n {"a": 2}]\n{"a":\n3}', "a bigint", [(1,), (2,), (3,)], options={"multiLine": True}),
}  # fmt: skip

IDENTIFIERS = {
    "leading_zeros": csv("a\n007\n07\n7\n", "a string", [("007",), ("07",), ("7",)]),
    "plus_signs": csv("a\n+420777\n420777\n", "a string", [("+420777",), ("420777",)]),
    "zero": csv("a\n0\n-5\n", "a bigint", [(0,), (-5,)]),
    "largest_bigint": csv(f"a\n{2**63 - 1}\n{-(2**63)}\n", "a bigint", [(2**63 - 1,), (-(2**63),)]),
    "beyond_64_bits": csv("a\n" + "\n".join(_IDS) + "\n", "a decimal(20,0)", [(D(each),) for each in _IDS]),
    "beyond_38_digits": csv(f"a\n{'1' * 39}\n{'1' * 38}2\n", "a string", [("1" * 39,), ("1" * 38 + "2",)]),
    "json_beyond_64_bits": json("".join(f'{{"a": {each}}}\n' for each in _IDS), "a decimal(20,0)", [(D(each),) for each in _IDS]),
    "digits_that_a_double_merges": csv("a\n90071992547409.93\n90071992547409.92\n", "a decimal(16,2)",
                                       [(D("90071992547409.93"),), (D("90071992547409.92"),)]),
    "doubles": csv("a\n0.30000000000000004\n1e-7\n5\n", "a double", [(0.30000000000000004,), (1e-7,), (5.0,)]),
    "declared_number_with_zeros": csv("a\n007\n", "a bigint", [(7,)], declared=(("a", "bigint"),)),
}  # fmt: skip

DECLARED = {
    "decimal_comma": csv('a;b\n30,95;-1.234,5\n', "a decimal(12,2), b double", [(D("30.95"), -1234.5)], options={"sep": ";"},
                         readings={"a": Reading("decimal(12,2)", decimal=","), "b": Reading("double", decimal=",", group=".")}),
    "dates": csv("a,b,c\n19970101,25.02.2024,5 Mar 2024\n", "a date, b date, c date",
                 [(date(1997, 1, 1), date(2024, 2, 25), date(2024, 3, 5))],
                 readings={"a": Reading("date", "yyyyMMdd"), "b": Reading("date", "dd.MM.yyyy"), "c": Reading("date", "d MMM yyyy")}),
    "epochs": csv("a,b,c\n1583020800123,1583020800,-1\n", "a timestamp, b timestamp, c timestamp",
                  [(datetime(2020, 3, 1, 0, 0, 0, 123000, tzinfo=UTC), datetime(2020, 3, 1, tzinfo=UTC),
                    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))],
                  readings={"a": Reading("timestamp", "epoch_ms"), "b": Reading("timestamp", "epoch_s"),
                            "c": Reading("timestamp", "epoch_us")}),
    "renamed": csv("Order ID,x\n1,2\n", "order_id bigint, x bigint", [(1, 2)], readings={"Order ID": Reading(rename="order_id")}),
    "renamed_and_declared": csv("Order ID,x\n007,2\n", "order_id string, x string", [("007", "2")],
                                readings={"Order ID": Reading(rename="order_id")}, declared=(("order_id", "string"),)),
    "exponents": csv("a,b\n1e-5,123456e-4\n15E2,+2\n", "a decimal(12,5), b decimal(12,4)",
                     [(D("0.00001"), D("12.3456")), (D("1500.00000"), D("2.0000"))],
                     declared=(("a", "decimal(12,5)"), ("b", "decimal(12,4)"))),
    "types": csv("i,s,t,f,y,n\n1,2,3,1.5,ab,2024-01-31 10:00:00\n", "i int, s smallint, t tinyint, f float, y binary, n timestamp_ntz",
                 [(1, 2, 3, 1.5, b"ab", datetime(2024, 1, 31, 10))],
                 declared=(("i", "int"), ("s", "smallint"), ("t", "tinyint"), ("f", "float"), ("y", "binary"),
                           ("n", "timestamp_ntz"))),
    "json_declared": json('{"a": "30,95", "t": 1583020800000, "s": 1.50}\n', "a decimal(12,2), t timestamp, s string",
                          [(D("30.95"), datetime(2020, 3, 1, tzinfo=UTC), "1.50")],
                          readings={"a": Reading("decimal(12,2)", decimal=","), "t": Reading("timestamp", "epoch_ms"),
                                    "s": Reading("string")}),
    "old_dates": csv("a,b\n0001-01-01,1500-02-28 00:00:00\n9999-12-31,9999-12-31 23:59:59.999999\n", "a date, b timestamp",
                     [(date(1, 1, 1), datetime(1500, 2, 28, tzinfo=UTC)),
                      (date(9999, 12, 31), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))]),
    "zones": csv("a\n2024-01-31T10:00:00Z\n2024-01-31 12:00:00+02:00\n2024-01-31 10:00:00\n2024-01-31\n", "a timestamp",
                 [(datetime(2024, 1, 31, 10, tzinfo=UTC),)] * 3 + [(datetime(2024, 1, 31, tzinfo=UTC),)]),
    "nanoseconds_that_are_zeros": csv("a\n2024-01-31 10:00:00.123456000\n", "a timestamp",
                                      [(datetime(2024, 1, 31, 10, 0, 0, 123456, tzinfo=UTC),)]),
    "nanoseconds": csv("a\n2024-01-31 10:00:00.123456789\n", "a string", [("2024-01-31 10:00:00.123456789",)]),
}  # fmt: skip

FOLDERS = {
    "schema_of_all_files": folder({f"{number:02}.csv": f"a\n{number}{'.5' if number == 59 else ''}\n" for number in range(60)},
                                  "a double", [(number + (0.5 if number == 59 else 0.0),) for number in range(60)]),
    "key_in_one_file_of_sixty": folder({f"{number:02}.json":
                                        f'{{"a": {number}{MORE if number == 41 else ""}}}\n' for number in range(60)},
                                       "a bigint, b string", [(number, "x" if number == 41 else None) for number in range(60)],
                                       format="json"),
    "digits_of_all_files": folder({f"{number:02}.json": f'{{"a": {"1.5055" if number == 20 else "1.51"}}}\n' for number in range(30)},
                                  "a double", [(1.5055 if number == 20 else 1.51,) for number in range(30)], format="json"),
    "equals_in_a_file_name": folder({"d=1.csv": "a\n1\n", "d=2.csv": "a\n2\n"}, "a bigint", [(1,), (2,)]),
    "hive_folders": folder({"dt=2024-01-31/a.csv": "a\n1\n", "dt=2024-02-01/b.csv": "a\n2\n",
                            "dt=__HIVE_DEFAULT_PARTITION__/c.csv": "a\n3\n"},
                           "a bigint, dt date", [(1, date(2024, 1, 31)), (2, date(2024, 2, 1)), (3, None)]),
    "hive_folders_of_json": folder({"k=007/a.json": '{"a": 1}\n', "k=a%3Db/sub/b.json": '{"a": 2}\n'}, "a bigint, k string",
                                   [(1, "007"), (2, "a=b")], format="json"),
    "hive_columns_declared": folder({"n=01/x=2/a.csv": "a\n1\n"}, "a bigint, n int, x bigint", [(1, 1, 2)],
                                    declared=(("a", "bigint"), ("n", "int"), ("x", "bigint"))),
    "hive_names_left_alone": folder({"dt=1/a.csv": "a\n1\n"}, "a bigint", [(1,)], options={"recursiveFileLookup": True}),
    "plain_subfolders": folder({"x/a.csv": "a\n1\n", "y/z/b.csv": "a\n2\n"}, "a bigint", [(1,), (2,)]),
    "two_compressions": folder({"a.CSV.GZ": gzip.compress(b"a\n1\n"), "b.csv.bz2": bz2.compress(b"a\n2\n"),
                                "c.csv.zst": _zstd(b"a\n3\n"),
                                "d.csv.xz": lzma.compress(b"a\n4\n"), "e.csv": b"a\n5\n"},
                               "a bigint", [(1,), (2,), (3,), (4,), (5,)]),
    "two_members_of_gzip": csv(gzip.compress(b"a\n1\n") + gzip.compress(b"2\n"), "a bigint", [(1,), (2,)], name="a.csv.gz"),
    "compression_by_option": csv(gzip.compress(b"a\n1\n"), "a bigint", [(1,)], options={"compression": "gzip"}),
    "empty_file_beside_others": folder({"a.csv": "", "b.csv": "a\n1\n", "c.json": ""}, "a bigint", [(1,)]),
    "empty_json_file_beside_others": folder({"a.json": "", "b.json": '{"a": 1}\n\n'}, "a bigint", [(1,)], format="json"),
    "marks_of_writers": folder({"_SUCCESS": "", "._a.csv": "x", "_temporary/0/b.csv": "x", "a.csv": "a\n1\n"}, "a bigint", [(1,)]),
    "file_names_that_match": folder({"a.csv": "a\n1\n", "notes.txt": "hello"}, "a bigint", [(1,)],
                                    options={"pathGlobFilter": "*.csv"}),
    "header_alone": csv("a,b\n", "a string, b string", []),
}  # fmt: skip

SHAPES = {
    "line_breaks_in_quotes_beyond_ten_megabytes": csv(f"a,b\n{_TEN_MEGABYTES}\n", "a bigint, b string", _LONG_ROWS),
    "a_value_larger_than_a_block": csv(f'a,b\n1,"{"x" * 9_000_000}"\n2,y\n', "a bigint, b string", [(1, "x" * 9_000_000), (2, "y")]),
    "types_that_widen_late": csv("a,b\n" + "1,\n" * 300 + "x,2020-01-01\n", "a string, b date",
                                 [("1", None)] * 300 + [("x", date(2020, 1, 1))]),
    "no_name_first": csv(",a\n0,x\n", "_c0 bigint, a string", [(0, "x")]),
    "no_name_last": csv("a,\nx,0\n", "a string, _c1 bigint", [("x", 0)]),
    "odd_names": csv('a b,"c,d",$e,`f`,Ünï\n1,2,3,4,5\n', "a b bigint, c,d bigint, $e bigint, `f` bigint, Ünï bigint",
                     [(1, 2, 3, 4, 5)]),
    "words_for_numbers": csv("a,b\nNaN,nan\n1.5,x\n", "a double, b string", [(float("nan"), "nan"), (1.5, "x")]),
    "nested_json": json('{"a": {"Id": 1, "two-Words": [{"X$": "2024-01-31T10:00:00"}]}, "b": [], "c": {}, "d": null}\n',
                        "a struct<Id:bigint,`two-Words`:array<struct<`X$`:timestamp>>>, b array<string>, c string, d string",
                        [({"Id": 1, "two-Words": [{"X$": datetime(2024, 1, 31, 10, tzinfo=UTC)}]}, [], "{}", None)]),
    "times_in_json": json('{"a": "2024-01-31T10:00:00Z", "b": "2024-01-31", "c": "007"}\n{"b": "2024-02-01 10:00:00"}\n',
                          "a timestamp, b timestamp, c string",
                          [(datetime(2024, 1, 31, 10, tzinfo=UTC), datetime(2024, 1, 31, tzinfo=UTC), "007"),
                           (None, datetime(2024, 2, 1, 10, tzinfo=UTC), None)]),
    "numbers_in_json": json('{"a": 1, "b": 1.50, "c": -0, "d": 1E+2, "e": NaN}\n{"a": 2.5, "e": 1.0}\n',
                            "a double, b double, c bigint, d double, e double",
                            [(1.0, 1.5, 0, 100.0, float("nan")), (2.5, None, None, None, 1.0)]),
}  # fmt: skip

CASES: dict[str, Case] = ENCODINGS | OPTIONS | IDENTIFIERS | DECLARED | FOLDERS | SHAPES
