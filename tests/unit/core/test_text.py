"""Values as the text of an argument."""

from __future__ import annotations

import pytest
import yaml

from feature_platform_py.core.text import yaml_argument


@pytest.mark.parametrize(
    "text", ["😀", "\U0010ffff", "\\ud83d\\ude00", "é\u2028\ufffe\x85\x7f", "\x01\t\n", "'\"{{ 1 }}", "\\"]
)
def test_yaml_reads_any_text_back(text: str) -> None:
    written = yaml_argument({text: [text]})
    assert written.isascii()
    assert yaml.safe_load(written) == {text: [text]}
