"""Whatever a file holds, loading it gives a job or one ConfigurationError with problems at lines of the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.text import slug
from feature_platform_py.jobs.checks import load_checked_job
from feature_platform_py.jobs.config import JobConfig, load_job_config
from tests.unit.jobs.jobs import GOOD_JOB, ROOT, local_project

SAMPLE = (ROOT / "configs" / "jobs" / "sample_financial_features_job.yaml").read_text()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(max_size=20),
    st.binary(max_size=4),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=6
)


def loads_or_explains(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.yaml"
        path.write_bytes(content)
        last = content.count(b"\n") + content.count(b"\r") + 2
        try:
            assert isinstance(load_job_config(path, environ={"A": "x"}), JobConfig)
            load_checked_job(path, local_project(), environ={"A": "x"})
        except ConfigurationError as error:
            assert error.problems
            assert all(problem.message and problem.message.isprintable() for problem in error.problems)
            assert all(1 <= problem.line <= last for problem in error.problems)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    loads_or_explains(content)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abc: -[]{}&*!|>'\"%@`#,?\n\t$\\0~<=", max_size=200))
def test_any_text_of_the_signs_of_yaml(text: str) -> None:
    loads_or_explains(text.encode())


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([SAMPLE, GOOD_JOB]), st.data())
def test_a_job_with_a_piece_cut_out_or_put_in(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    piece = data.draw(
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(["\n", ": ", "- ", "&a ", "*a", "!!int ", "${A}", "${", "~", "[", "{", "'"]),
        )
    )
    loads_or_explains((text[:start] + piece + text[end:]).encode("utf-8", "surrogatepass"))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_job_with_any_value_in_any_place(data: st.DataObject) -> None:
    document = yaml.safe_load(GOOD_JOB)
    holder, key = document, data.draw(st.sampled_from(list(document)))
    while isinstance(holder[key], dict | list) and holder[key] and data.draw(st.booleans()):
        holder = holder[key]
        key = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
    holder[key] = data.draw(VALUES)
    loads_or_explains(yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))


@given(st.text(max_size=50))
def test_a_slug_is_a_plain_name_and_its_own_slug(value: str) -> None:
    name = slug(value)
    assert all(char in "abcdefghijklmnopqrstuvwxyz0123456789_" for char in name)
    assert slug(name) == name
    assert "__" not in name
