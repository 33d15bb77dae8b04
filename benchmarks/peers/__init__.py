"""The same features, written by hand for other engines."""
