"""Where the rules of a part put their errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from feature_platform_py.core.document import Place, read_document
from feature_platform_py.core.errors import Problem
from feature_platform_py.core.fields import STRICT, FieldError, Text, read_part


@dataclass(frozen=True, config=STRICT)
class Pair:
    """Two texts, with rules about both."""

    first: Annotated[Text, Field(description="a text")]
    second: Annotated[Text, Field(description="a text")]

    @model_validator(mode="after")
    def _check(self) -> Pair:
        if self.first == "field":
            raise FieldError("second", "expected another text")
        if self.first == "words":
            raise ValueError(f"{self.second}: this is no good")
        return self


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Problem]]:
    monkeypatch.chdir(tmp_path)

    def read(text: str) -> list[Problem]:
        Path("pair.yaml").write_text(text)
        found: list[Problem] = []
        read_part(Pair, Place(read_document(Path("pair.yaml"))), found)
        return found

    return read


def test_a_rule_names_the_field_that_breaks_it(problems: Callable[[str], list[Problem]]) -> None:
    message = "`second`: expected another text, given `x`"
    assert problems("first: field\nsecond: x\n") == [Problem("pair.yaml", 2, message)]


def test_a_message_that_begins_with_a_fields_name_is_about_the_whole(
    problems: Callable[[str], list[Problem]],
) -> None:
    assert problems("first: words\nsecond: second\n") == [Problem("pair.yaml", 1, "second: this is no good")]
