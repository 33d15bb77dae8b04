"""Text files as Arrow rows: decoded strictly, split into records, cast exactly; no engine has a part in it."""
