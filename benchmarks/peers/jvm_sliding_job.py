"""The sliding-frame DataFrame job of `pyspark_job`, on JVM Spark with the platform's own settings."""

from benchmarks.peers.jvm_session import run_job
from benchmarks.peers.pyspark_job import add_features

if __name__ == "__main__":
    run_job(add_features)
