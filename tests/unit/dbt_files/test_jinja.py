"""Literals of Jinja have the value that they were written for, whatever text is in it."""

from __future__ import annotations

import re
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_platform_py.dbt_files.jinja import Call, jinja
from feature_platform_py.dbt_files.job_models import generated_from
from tests.hostile import TEXTS

# YAML has no lone halves of characters.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


def value_of(text: str) -> Any:
    return jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False).compile_expression(text)()


@given(VALUES)
def test_a_literal_has_its_value(value: Any) -> None:
    assert value_of(jinja(value)) == value


@pytest.mark.parametrize("text", TEXTS)
def test_no_sign_of_jinja_is_left_in_a_text(text: str) -> None:
    written = jinja({text: [text]})
    assert value_of(written) == {text: [text]}
    inside = "".join(re.findall(r"'([^']*)'", written))
    assert not re.search(r"[{}%#]", inside)
    assert written.isprintable() or "\n" in written


def test_an_argument_may_be_called_as_a_word_of_jinja_is() -> None:
    template = jinja2.Template("{{ found(" + jinja(Call("x", (1,), {"in": 2, "days": 3}))[2:] + " }}")
    assert template.render(found=lambda one, **more: f"{one} {sorted(more.items())}") == "1 [('days', 3), ('in', 2)]"


def test_a_long_call_has_a_line_for_each_argument() -> None:
    call = Call("feature_table", (), {"input": Call("ref", ("spend__input",)), "days": [7, 30], "period": "month"})
    assert jinja(call) == "feature_table(\n    input=ref('spend__input'),\n    days=[7, 30],\n    period='month',\n)"


def test_the_name_of_a_file_is_no_code() -> None:
    assert generated_from("configs/jobs/a b.yaml").startswith("Generated from configs/jobs/a b.yaml by ")
    assert generated_from("configs/jobs/{{ x }} -#}.yaml").startswith("Generated from a job file by ")
