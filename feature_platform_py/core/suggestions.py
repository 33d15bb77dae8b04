"""Names that are not known, and the ones that were probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def unknown(kind: str, name: str, *, known: Iterable[str]) -> str:
    """The message for a name that is none of `known`: ``column `usr` is unknown. Did you mean `user`?``."""
    names = list(known)
    listed = f"Known: {ticked(names)}" if names else "None is known"
    return " ".join(filter(None, [f"{kind} `{printable(name)}` is unknown.", suggestion(name, names), listed]))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``Did you mean `x`?`` for the nearest of `known`, or nothing when none is near."""
    found = nearest(name, known)
    return f"Did you mean `{printable(found)}`?" if found else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like the name, whatever the case; None when none is near."""
    # Only messages need it, and most runs have none.
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def ticked(names: Iterable[str]) -> str:
    """The names in backticks, comma-separated, in their own order."""
    return ", ".join(f"`{printable(name)}`" for name in names)


def escaped(text: str) -> str:
    """The text with its control and other invisible characters written out: none of them ever reaches a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable(text: str, longest: int = 80) -> str:
    """The text escaped, on one line, and shortened."""
    return escaped(text) if len(text) <= longest else f"{escaped(text[:longest])}..."
