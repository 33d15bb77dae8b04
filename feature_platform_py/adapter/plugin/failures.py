"""What dbt reports of a failure, and the codes by which the runner knows a fault of the data."""

from __future__ import annotations

from dbt.adapters.events.logging import AdapterLogger
from dbt_common.exceptions import env_secrets, scrub_secrets

from feature_platform_py.core.messages import Code, Message, encode_event, fault, mark, read_mark
from feature_platform_py.sessions.engine_errors import (
    is_outside_calendar,
    is_server_lost,
    is_table_missing,
    raised_text,
)

logger = AdapterLogger("fpspark")

LONGEST_MESSAGE = 2000
OUTSIDE_CALENDAR = (
    "a date or time lies outside of the years 1 to 9999; correct it in the source, or leave such rows out with a filter of"
    " the job"
)

BUILT_BEFORE = "A model that builds it comes first: `dbt build --select +NAME` builds NAME and all that it reads"


def told(message: Message) -> str:
    """Tell the runner of a fault that is about to be raised, and return its text."""
    text = str(scrub_secrets(message.text, env_secrets()))
    logger.debug(encode_event(fault(message.code, text)))
    return text


def explained(error: Exception) -> str:
    """Return what the engine's error means, and tell the runner if the data is at fault."""
    if found := read_mark(raised_text(error) or ""):
        told(found)
        return mark(found)
    if is_outside_calendar(error):
        return told(fault(Code.TIME_OUTSIDE_CALENDAR, OUTSIDE_CALENDAR))
    message = engine_message(error)
    if is_server_lost(error):
        return (
            "the Spark Connect server is gone: it does not answer, or was started again. What was being written is not there in part;"
            f" start the server, and run again. {message[:300]}"
        )
    return f"{message}\n{BUILT_BEFORE}" if is_table_missing(error) else message


def engine_message(error: Exception) -> str:
    """Return the engine's own message, without its stack trace and not endlessly long."""
    message = str(error).partition("\n\nJVM stacktrace:")[0].strip() or repr(error)
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]} ..."
