"""Read CSV, JSON and Parquet files and Delta logs without an engine: decode strictly, and cast exactly."""
