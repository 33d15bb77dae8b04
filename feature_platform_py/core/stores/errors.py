"""Say what an object store's refusal means: one message for each cause, whichever library met it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from feature_platform_py.core.errors import EngineError

# The codes that S3, Google and Azure document for their answers.
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_REFUSED = {
    "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AuthorizationFailure",
    "AuthenticationFailed", "AuthorizationPermissionMismatch", "NoAuthenticationInformation", "Forbidden", "AccountProblem",
}  # fmt: skip
_REGION = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "TemporaryRedirect",
}
_CODE = re.compile(r"<Code>(\w+)</Code>|\"code\":\s*\"(\w+)\"")
_STATUS = re.compile(r"\bstatus(?: code)?: (\d{3})\b", re.IGNORECASE)
# What the library says of such an answer instead of its code.
_REDIRECT = "redirect without LOCATION"
# What Sail and delta-rs, which have one library for stores, say in such an error.
_OF_ENGINE = re.compile(r"Generic (S3|GCS|MicrosoftAzure) error|Server returned non-2xx status code")
# An explanation of this module, within what others say.
_OWN = re.compile(r"\w+://[^\s`]+: (?:the bucket `|the credentials have expired|the store (?:refused|did not)).*")
_REGION_NAMED = re.compile(r"<Region>([\w-]+)</Region>|expecting '([\w-]+)'")


class StoreError(EngineError, OSError):
    """An object store could not be used, for a reason that the platform explains; an `OSError`, as a folder's would be."""


class ChangedMeanwhileError(Exception):
    """An object is not as it was when the writer read it."""


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Turn the errors of the block's requests to a store into StoreError; `FileNotFoundError` of an object passes."""
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        yield
    except (AlreadyExistsError, PreconditionError) as error:
        raise ChangedMeanwhileError(place) from error
    except FileNotFoundError as error:
        if codes(str(error)) & _NO_BUCKET:
            raise StoreError(explained(str(error), place)) from error
        raise
    except (BaseError, OSError, ValueError) as error:
        raise StoreError(explained(str(error), place)) from error


def explained(text: str, place: str) -> str:
    """Return what a library's error text about an object store means."""
    bucket = "/".join(place.split("/")[:3])
    found = codes(text)
    if found & _NO_BUCKET:
        return f"{place}: the bucket `{bucket}` does not exist; create it, or correct its name"
    if found & _EXPIRED:
        return f"{place}: the credentials have expired; renew them (for AWS, such as with `aws sso login`) and run the command again"
    if found & _REGION or _REDIRECT in text:
        named = _REGION_NAMED.search(text)
        expected = f" `{named[1] or named[2]}`" if named else ""
        return f"{place}: the bucket `{bucket}` is in another region{expected}; name it with `AWS_REGION`"
    if found & _REFUSED or _statuses(text) & {"401", "403"}:
        code = ", ".join(sorted(found)) or "403"
        return (
            f"{place}: the store refused the request ({code}); expected credentials that may list, read and write there."
            " Check the environment's credentials and the rights on the bucket"
        )
    return f"{place}: the store did not answer as expected: {_first_line(text)}. Check the endpoint, and the network"


def explained_by_engine(text: str, place: str) -> str | None:
    """Return what an engine's or dbt's error means if it met a store's refusal; None for another error."""
    if own := _OWN.search(text):
        return own[0]
    found = _OF_ENGINE.search(text)
    return explained(text[found.start() :], place) if found else None


def codes(text: str) -> set[str]:
    """Return the codes that a store gave in an answer."""
    return {code for found in _CODE.finditer(text) for code in found.groups() if code}


def _statuses(text: str) -> set[str]:
    return set(_STATUS.findall(text))


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no reason was given"
    # Without the XML of the answer, and without signatures in an address.
    return re.sub(r"\?\S*", "", line.partition(": <?xml")[0])[:300]
