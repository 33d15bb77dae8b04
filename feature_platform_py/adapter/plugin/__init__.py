"""The dbt adapter `fpspark`: dbt in a PySpark session over a warehouse folder."""

from dbt.adapters.base import AdapterPlugin
from dbt.adapters.fpspark.connections import FpSparkCredentials
from dbt.adapters.fpspark.impl import FpSparkAdapter
from dbt.include import fpspark

Plugin = AdapterPlugin(
    adapter=FpSparkAdapter,
    credentials=FpSparkCredentials,
    include_path=fpspark.PACKAGE_PATH,
    dependencies=["spark"],
)
