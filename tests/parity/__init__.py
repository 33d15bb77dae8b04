"""The same jobs on every engine: equal results, row for row and type for type."""
