"""Messages about unknown names, with the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def unknown(kind: str, name: str, *, known: Iterable[str]) -> str:
    """Return the message for a name that is not in `known`: ``column `usr` is unknown. Did you mean `user`?``."""
    names = list(known)
    listed = f"Known: {ticked(names)}" if names else "None is known"
    return " ".join(filter(None, [f"{kind} `{printable(name)}` is unknown.", suggestion(name, names), listed]))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``Did you mean `x`?`` for the nearest of `known`, or nothing when none is near."""
    found = nearest(name, known)
    return f"Did you mean `{printable(found)}`?" if found else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar one of `known`, in any case, or None if none is similar."""
    # Only error messages need this import.
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def ticked(names: Iterable[str]) -> str:
    """Return the names in backticks, comma-separated, in their own order."""
    return ", ".join(f"`{printable(name)}`" for name in names)


def not_both(taken: str, *, new: str, former: Iterable[str]) -> str:
    """Return what to do if `new` gives a former name that another has now. That one's own former names tell if names were shifted."""
    if not (names := list(former)):
        return "remove one of them"
    return (
        f"rename in two steps: give `{taken}` its former name `{printable(names[0])}` again and have a run move the tables to"
        f" `{new}`; then remove `was: {taken}` and rename `{printable(names[0])}`"
    )


def escaped(text: str) -> str:
    """Return the text with control and other invisible characters escaped, for a terminal."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def printable(text: str, longest: int = 80) -> str:
    """Return the text escaped, on one line, and shortened."""
    return escaped(text) if len(text) <= longest else f"{escaped(text[:longest])}..."
