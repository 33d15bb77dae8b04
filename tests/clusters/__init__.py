"""Servers with a catalog of their own: their files belong to another user, and no client can open them."""
