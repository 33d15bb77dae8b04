"""All of Spark lies over its client: one environment may have both, because their files are the same."""

from __future__ import annotations

from importlib.metadata import distribution


def hashes(name: str) -> dict[str, str]:
    return {str(file): file.hash.value for file in distribution(name).files or () if file.hash}


def test_the_client_and_all_of_spark_share_files_that_are_equal() -> None:
    client, whole = hashes("pyspark-client"), hashes("pyspark")
    code = {name: value for name, value in client.items() if name.startswith("pyspark/")}
    assert len(code) > 300
    assert code.items() <= whole.items()
