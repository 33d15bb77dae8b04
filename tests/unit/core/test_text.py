"""Values as the text of an argument."""

from __future__ import annotations

import pytest
import yaml

from feature_platform_py.core.text import without_stack_trace, yaml_argument


@pytest.mark.parametrize(
    "text", ["😀", "\U0010ffff", "\\ud83d\\ude00", "é\u2028\ufffe\x85\x7f", "\x01\t\n", "'\"{{ 1 }}", "\\"]
)
def test_yaml_reads_any_text_back(text: str) -> None:
    written = yaml_argument({text: [text]})
    assert written.isascii()
    assert yaml.safe_load(written) == {text: [text]}


def test_a_message_of_a_jvm_loses_the_places_in_its_code() -> None:
    said = "[PATH_NOT_FOUND] Path does not exist: s3://a/b\n  look at (it)"
    assert without_stack_trace(f"{said}\n    \tat org.apache.spark.A$.b(C.scala:43)\n\tat java.lang.D") == said
    assert without_stack_trace(said) == said
