"""Python models, run in this process with the session that the SQL models use."""

from __future__ import annotations

import traceback
from typing import Any

from dbt.adapters.base import PythonJobHelper
from dbt.adapters.fpspark.failures import explained
from dbt_common.exceptions import DbtRuntimeError

from feature_platform_py.core.project_code import is_project_code_refused
from feature_platform_py.warehouse.catalog_file import TableName


class SessionPythonJobHelper(PythonJobHelper):  # type: ignore[misc]
    """Runs a compiled Python model; the macro `py_write_table` ends it with a call of `write_table`."""

    def __init__(self, parsed_model: dict[str, Any], credentials: Any) -> None:
        self._path = parsed_model["original_file_path"]
        self._warehouse = credentials.open_catalog()
        self._rows = 0

    def submit(self, compiled_code: str) -> int:
        """Run the model and return the number of rows that it wrote."""
        if is_project_code_refused():
            raise DbtRuntimeError(f"{self._path}: a model in Python is not run with `--no-project-code`")
        names = {
            "__name__": "dbt_python_model",
            "spark": self._warehouse.spark,
            "write_table": self._write_table,
        }
        try:
            # Without the lines that macros put before it, its line numbers are the model file's.
            exec(compile(compiled_code.lstrip(), self._path, "exec"), names)  # noqa: S102
        except Exception as error:
            raise DbtRuntimeError(self._explained(error)) from error
        return self._rows

    def _write_table(self, result: Any, schema: str, name: str, partition_by: list[str]) -> None:
        frame = self._spark_frame(result)
        self._rows = self._warehouse.write_table(TableName(schema, name), frame, partition_by=partition_by)

    def _spark_frame(self, result: Any) -> Any:
        import pandas
        import pyarrow
        from pyspark.sql import DataFrame

        if isinstance(result, DataFrame):
            return result
        if isinstance(result, pandas.DataFrame | pyarrow.Table):
            return self._warehouse.spark.createDataFrame(result)
        if hasattr(result, "to_spark"):
            return result.to_spark()
        given = f"{type(result).__module__}.{type(result).__qualname__}"
        raise TypeError(f"`model` returned a `{given}`. Expected a DataFrame of PySpark or pandas, or a pyarrow Table")

    def _explained(self, error: Exception) -> str:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self._path]
        place = f"{self._path}:{lines[-1]}" if lines else self._path
        return f"{place}: {type(error).__name__}: {explained(error)}"
