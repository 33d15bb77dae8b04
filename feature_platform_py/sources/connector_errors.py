"""Interpret the connector's exceptions and a workspace's messages by their codes, in one line without the token."""

from __future__ import annotations

import re
from collections.abc import Iterator

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.text import MASK

_REFUSED = {401: "it does not accept the token", 403: "the token may not use it", 404: "it has no such path"}
_FIRST_ERROR_CODE = 400
_TRY_AGAIN_LATER = (429, 503)
# What the connector says where it knows nothing.
_NO_REASON = re.compile(r"Error during request to server\. (None)?$")
# A message of the server begins with its error class; names of Java classes may come before it.
_SAID = re.compile(
    r"(?:(?:[\w.$]+(?:Exception|Error)|Error running query): )*(?P<said>(?:\[(?P<condition>[A-Z0-9_.]+)\]|PERMISSION_DENIED:) .*)",
    re.DOTALL,
)
# Of dbt's, one in the other.
_ENVELOPE = re.compile(r"(?:\w+ Error[^\n]*\n\s*)+")
# A Thrift server of Spark says the class of an error twice, with that of Java in between.
_SAID_TWICE = re.compile(r"\[([A-Z0-9_.]+)\] [\w.$]+: (?=\[\1\] )")
_NO_SUCH_OBJECT = re.compile(r" SQLSTATE: 42(P01|704)")
_RAISED = re.compile(r"\[USER_RAISED_EXCEPTION\] (.*?)(?: SQLSTATE: P0001[^\n]*)?(?:\n|\Z)")
_CONNECTION_MODULES = ("urllib3.", "http.client", "ssl")


class QueryRefusedError(EngineError):
    """The server refused a query and gave the reason."""

    def __init__(self, host: str, said: str) -> None:
        self.said = said
        super().__init__(f"{host}: the server refused the query: {said}")


def said_by_server(message: str) -> str:
    """Return the server's message, from its error class on, within a report of dbt or the connector; empty if it has no code."""
    found = _SAID.match(_ENVELOPE.sub("", message, count=1) if _ENVELOPE.match(message) else message)
    return _SAID_TWICE.sub("", found["said"], count=1) if found else ""


def is_missing(said: str) -> bool:
    """Return whether a table, view, schema or catalog does not exist on the server."""
    condition = _condition(said).partition(".")[0]
    is_known = condition.endswith("_NOT_FOUND") or condition.startswith("NO_SUCH_")
    return is_known or bool(condition and _NO_SUCH_OBJECT.search(said))


def is_denied(said: str) -> bool:
    """Return whether the token's user lacks a permission."""
    return _condition(said).startswith(("INSUFFICIENT_PERMISSIONS", "PERMISSION_DENIED"))


def raised_text(said: str) -> str:
    """Return the text that SQL gave to `raise_error`; empty if the server failed for another reason."""
    found = _RAISED.match(said)
    return found[1] if found else ""


def _condition(said: str) -> str:
    found = _SAID.match(said)
    return (found["condition"] or "PERMISSION_DENIED") if found else ""


def is_refusal(error: BaseException) -> bool:
    """Return whether the server refused these credentials or this path."""
    return _http_code(error) in _REFUSED


def is_timeout(error: BaseException) -> bool:
    """Return whether an answer took too long."""
    return any("Timeout" in type(each).__name__ for each in causes(error))


def is_busy(error: BaseException) -> bool:
    """Return whether the server answered "try again later"."""
    return any(_says_try_again(each) for each in causes(error))


def _says_try_again(error: BaseException) -> bool:
    """Return whether it is how the connector or urllib3 gives up on a server that answers "try again later"."""
    if type(error).__name__ == "ResponseError" and type(error).__module__ == "urllib3.exceptions":
        template: str = error.SPECIFIC_ERROR  # type: ignore[attr-defined]
        return str(error) in {template.format(status_code=code) for code in _TRY_AGAIN_LATER}
    return type(error).__name__ == "MaxRetryDurationError"


def is_connection_failure(error: BaseException) -> bool:
    """Return whether no whole answer arrived; an error that the server itself reports is not such a failure."""
    return any(
        isinstance(each, OSError)
        or type(each).__module__.startswith(_CONNECTION_MODULES)
        or any(kind.__name__ == "RequestError" for kind in type(each).__mro__)
        for each in causes(error)
    )


def reason(error: BaseException, token: str) -> str:
    """Return the innermost cause of the exceptions in one line, without the token."""
    code = _http_code(error)
    if code is not None and code >= _FIRST_ERROR_CODE:
        return f"{_REFUSED.get(code, 'it fails')} (HTTP {code})"
    deepest = list(causes(error))[-1]
    if _says_try_again(deepest):
        return "it is busy or still starting"
    text = " ".join(str(deepest).split())
    return masked(_NO_REASON.sub("the connection was lost", text) or type(deepest).__name__, token)


def masked(text: str, token: str) -> str:
    """Return the text without the token."""
    return text.replace(token, MASK)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes; the connector and urllib3 also keep causes among the arguments."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        given = next((each for each in reversed(current.args) if isinstance(each, BaseException)), None)
        current = given or current.__cause__ or current.__context__


def _http_code(error: BaseException) -> int | None:
    context = getattr(error, "context", None)
    code = context.get("http-code") if isinstance(context, dict) else None
    return code if isinstance(code, int) else None
