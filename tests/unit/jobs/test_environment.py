"""`${VAR}` in a job's values."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.jobs.config import JobConfig, load_job_config
from tests.unit.jobs.jobs import GOOD_JOB, problems


def load(folder: Path, text: str, **environ: str) -> JobConfig:
    path = folder / "job.yaml"
    path.write_text(text)
    return load_job_config(path, environ=environ)


def described(folder: Path, description: str, **environ: str) -> str:
    return load(folder, GOOD_JOB.replace("a test", description), **environ).description


def test_a_variable_is_replaced(tmp_path: Path) -> None:
    assert described(tmp_path, "by ${USER} of ${TEAM}", USER="ann", TEAM="risk") == "by ann of risk"


def test_a_default_stands_in_for_a_variable_that_is_not_set_or_empty(tmp_path: Path) -> None:
    assert described(tmp_path, "by ${USER:-nobody}") == "by nobody"
    assert described(tmp_path, "by ${USER:-nobody}", USER="") == "by nobody"
    assert described(tmp_path, "by ${USER:-}") == "by "


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("JOB_OWNER", "ann")
    path = tmp_path / "job.yaml"
    path.write_text(GOOD_JOB.replace("a test", "${JOB_OWNER}"))
    assert load_job_config(path).description == "ann"


def test_a_replacement_is_data_and_never_replaced_again(tmp_path: Path) -> None:
    hostile = "x\n  location: other # ${HOME}"
    assert described(tmp_path, "${TEXT}", TEXT=hostile, HOME="/root") == hostile
    assert described(tmp_path, "${A}", A="[1, 2]") == "[1, 2]"


def test_two_dollars_keep_the_characters(tmp_path: Path) -> None:
    assert described(tmp_path, "$${USER} and $5 and $$", USER="ann") == "${USER} and $5 and $$"


def test_a_missing_variable_is_named_with_its_line(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("path: output/features", "path: ${OUT}/${DAY}")
    message = (
        "`output_sink.config.path`: the environment variable `{0}` is not set; "
        "set it, or give a default: `${{{0}:-...}}`"
    )
    assert problems(tmp_path, text) == [(26, message.format("DAY")), (26, message.format("OUT"))]


def test_numbers_and_flags_may_come_from_the_environment(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("window_days: 30", "window_days: ['${SHORT}', 30]")
    text = (
        text[: text.index("output_sink")]
        + "output_sink:\n  sink_type: display\n  config: {num_rows: '${N:-5}', truncate: '${T}'}\n"
    )
    config = load(tmp_path, text, SHORT="7", T="true")
    assert config.feature_transformers[0].transformer.window_days == (7, 30)
    assert config.output_sink.settings == {"num_rows": 5, "truncate": True}


def test_a_number_of_the_environment_that_is_none_is_refused_by_its_variable(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("window_days: 30", "window_days: ${DAYS}")
    message = "`feature_transformers[0].params.window_days`: expected a whole number, given the text `${DAYS}`"
    assert problems(tmp_path, text, {"DAYS": "secret"}) == [(16, message)]


def test_values_of_the_environment_are_plain_texts_afterwards(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("value: debit", "value: '${KIND}'").replace("household payment", "${CATEGORY}")
    config = load(tmp_path, text.replace("a test", "${D}"), KIND="debit", CATEGORY="rent", D="d")
    values = [
        config.description,
        config.input_source.filters[0].value,
        *config.feature_transformers[1].transformer.target_category_value,
    ]
    assert [type(value) for value in values] == [str, str, str]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    text = GOOD_JOB.replace("a test", "${RAW}")
    expected = [(2, "`description`: the environment variable `RAW` contains characters that are not text")]
    assert problems(tmp_path, text, {"RAW": "\udcff"}) == expected


@pytest.mark.parametrize(
    "name",
    [
        "TOKEN",
        "DATABRICKS_TOKEN",
        "my_token",
        "API_KEY",
        "apiKeyFile",
        "client_secret_1",
        "PGPASSWORD",
        "PASSWD",
        "AWS_CREDENTIALS",
    ],
)
@pytest.mark.parametrize("written", ["${%s}", "by ${%s:-nobody} and more", "${%s:-}"])
def test_a_variable_that_is_named_like_a_secret_is_refused_and_not_printed(
    tmp_path: Path, name: str, written: str
) -> None:
    text = GOOD_JOB.replace("a test", written % name)
    (tmp_path / "job.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_job_config(tmp_path / "job.yaml", environ={name: "hunter2"})
    [problem] = error.value.problems
    assert problem.line == 2
    assert problem.message == (
        f"`description`: the environment variable `{name}` is named like a secret, and values of this file reach logs, dbt's"
        " artifacts and the docs; give a secret to the engine's own settings, or rename a variable that is not one"
    )
    assert "hunter2" not in str(error.value)


def test_a_name_of_a_secret_that_is_not_replaced_is_text(tmp_path: Path) -> None:
    assert described(tmp_path, "$${TOKEN} and TOKEN", TOKEN="hunter2") == "${TOKEN} and TOKEN"
