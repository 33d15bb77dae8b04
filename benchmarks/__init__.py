"""The platform's speed and memory beside a plain PySpark job and a hand-written DuckDB query."""
