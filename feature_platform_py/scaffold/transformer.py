"""Write a new transformer of a project, in SQL or Python, with a test that passes, as a start."""

from __future__ import annotations

from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.project import Project
from feature_platform_py.features.catalogue import transformers_of
from feature_platform_py.scaffold.entries import check_name, write_new

_MACRO = """\
{{#- Grain: one row per user; time rule: none, all of the user's rows count. -#}}
{{% macro {name}(relation, user_id_col, amount_col) -%}}
{{%- set user_id = sql_identifier(user_id_col) -%}}
with

final as (
    select
        {{{{ user_id }}}},
        max({{{{ sql_identifier(amount_col) }}}}) as {name}
    from {{{{ relation }}}}
    where {{{{ user_id }}}} is not null
    group by {{{{ user_id }}}}
)

select * from final
{{%- endmacro %}}
"""
_DEFINITION = """\
# What the macro `{name}` reads and returns: one row for each value of `keys`, with these columns and the features.
name: {kind}
description: The largest amount of a user.
macro: {name}
params:
  - {{name: user_id_col, reads: key, description: the user}}
  - {{name: amount_col, reads: number, description: the amount}}
keys: [user_id_col]
features:
  - name: {name}
    type: <amount_col>
    description: The largest of all the user's amounts.
    looks_ahead: true
"""
_SQL_TEST = '''\
"""`{kind}` on a few rows."""

from pathlib import Path

from feature_platform_py import get_transformer
from feature_platform_py.testing import assert_features_equal

PROJECT = Path(__file__).parents[2]


def test_a_user_has_the_largest_of_their_amounts(feature_session, monkeypatch):
    # The macro is the project's.
    monkeypatch.chdir(PROJECT)
    rows = feature_session.createDataFrame([(1, 5), (1, 7), (2, None), (None, 9)], "user_id bigint, amount int")
    params = {{"user_id_col": "user_id", "amount_col": "amount"}}
    actual = get_transformer("{kind}", params, project=PROJECT).apply(rows)
    expected = [
        {{"user_id": 1, "amount": 5, "{name}": 7}},
        {{"user_id": 1, "amount": 7, "{name}": 7}},
        {{"user_id": 2, "amount": None, "{name}": None}},
        {{"user_id": None, "amount": 9, "{name}": None}},
    ]
    assert_features_equal(actual, expected)
'''
_MODULE = '''\
"""A transformer of this project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from feature_platform_py import ColumnName, Columns, FeatureTransformer, OutputColumn, Reads

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class {kind}(FeatureTransformer):
    """The length of a text, in characters; NULL for NULL."""

    text_col: Annotated[ColumnName, Reads("text", "text"), Field(description="the column of the text")]

    def output_columns(self, columns: Columns | None) -> tuple[OutputColumn, ...]:
        """The length."""
        return (OutputColumn("{name}", "int", description=f"The length of `{{self.text_col}}` in characters."),)

    def transform(self, dataframe: DataFrame) -> DataFrame:
        """The length of each row's text."""
        from pyspark.sql import functions as F

        return dataframe.withColumn("{name}", F.length(dataframe[self.text_col]))
'''
_PYTHON_TEST = '''\
"""`{kind}` on a few rows."""

from pathlib import Path

from feature_platform_py import get_transformer
from feature_platform_py.testing import assert_features_equal

PROJECT = Path(__file__).parents[2]


def test_a_text_has_its_length(feature_session):
    rows = feature_session.createDataFrame([("abc",), ("",), (None,)], "name string")
    actual = get_transformer("{kind}", {{"text_col": "name"}}, project=PROJECT).apply(rows)
    expected = [{{"name": "abc", "{name}": 3}}, {{"name": "", "{name}": 0}}, {{"name": None, "{name}": None}}]
    assert_features_equal(actual, expected)
'''


def transformer_files(project: Project, name: str, *, is_sql: bool) -> dict[Path, str]:
    """Return the files of a new transformer: its code, its definition, and a test.

    Raises ConfigurationError if the name is invalid, or another transformer's.
    """
    kind = class_name(check_name(name))
    if kind in transformers_of(project.root):
        raise ConfigurationError(f"transformer `{kind}` already exists; choose another name")
    test = Path("tests", "transformers", f"test_{name}.py")
    texts = (
        {
            Path("macros", "transformers", f"{name}.sql"): _MACRO,
            Path("transformers", f"{name}.yaml"): _DEFINITION,
            test: _SQL_TEST,
        }
        if is_sql
        else {Path("transformers", f"{name}.py"): _MODULE, test: _PYTHON_TEST}
    )
    return {path: text.format(name=name, kind=kind) for path, text in texts.items()}


def write_transformer(project: Project, name: str, *, is_sql: bool) -> list[Path]:
    """Write a new transformer. Raises ConfigurationError, and writes nothing, if one of its files exists."""
    return write_new(project, transformer_files(project, name, is_sql=is_sql))


def class_name(name: str) -> str:
    """Return `UserLargestAmount` for `user_largest_amount`."""
    return "".join(part.capitalize() for part in name.split("_"))
