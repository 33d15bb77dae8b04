"""Read the clouds' usual environment variables and profiles once, so that every library uses the same ones.

Credentials stay where they are: each library reads them itself. Only the endpoint, the region and permission for plain HTTP are
handed on, because the libraries spell them differently.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEY = "AWS_ACCESS_KEY_ID"
_PROFILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}


@dataclass(frozen=True)
class AwsPlace:
    """Where S3 is: an endpoint of its own (none for Amazon's), and the region if it is known."""

    endpoint: str | None
    region: str | None

    @property
    def is_plain_http(self) -> bool:
        """Whether the endpoint is reached without TLS."""
        return (self.endpoint or "").startswith("http://")


def aws_place(environ: Mapping[str, str] | None = None) -> AwsPlace:
    """Return the endpoint and the region of the environment, or else those of the AWS profile."""
    given = os.environ if environ is None else environ
    endpoint = next((given[name] for name in _ENDPOINTS if given.get(name)), None)
    region = next((given[name] for name in _REGIONS if given.get(name)), None)
    session = aws_session() if endpoint is None or region is None else None
    if session is not None:
        endpoint = endpoint or _profile_endpoint(session)
        region = region or session.region_name
    return AwsPlace(endpoint, region)


@cache
def aws_session() -> boto3.Session | None:
    """Return a session of the AWS profile; None if the machine has no profiles."""
    files = [Path(os.environ.get(name) or default).expanduser() for name, default in _PROFILES.items()]
    if not any(file.is_file() for file in files):
        return None
    import boto3

    return boto3.Session()


def has_own_credentials() -> bool:
    """Return whether the environment itself has credentials, which then come before those of a profile."""
    return bool(os.environ.get(_KEY))


def set_for_engines() -> None:
    """Give this process's environment the spelling that Sail and delta-rs read; values that the user has set win."""
    place = aws_place()
    told = {
        "AWS_ENDPOINT_URL": place.endpoint,
        "AWS_REGION": place.region,
        "AWS_ALLOW_HTTP": "true" if place.is_plain_http else None,
    }
    for name, value in told.items():
        if value and not os.environ.get(name):
            os.environ[name] = value


def hadoop_settings() -> dict[str, str]:
    """Return Spark's settings for S3 by `hadoop-aws`; the JVM reads the credentials as other AWS programs do."""
    place = aws_place()
    settings = {
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.s3a.aws.credentials.provider": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
        "fs.s3a.attempts.maximum": "3",
        "fs.s3a.retry.limit": "3",
        "fs.s3a.connection.establish.timeout": "5s",
    }
    if place.endpoint:
        settings |= {"fs.s3a.endpoint": place.endpoint, "fs.s3a.path.style.access": "true"}
        settings["fs.s3a.connection.ssl.enabled"] = str(not place.is_plain_http).lower()
    if place.region:
        settings["fs.s3a.endpoint.region"] = place.region
    return {f"spark.hadoop.{name}": value for name, value in settings.items()}


def _profile_endpoint(session: Any) -> str | None:
    """Return the endpoint of S3 that a profile names."""
    profile = session._session.get_scoped_config()
    services = session._session.full_config.get("services", {}).get(profile.get("services"), {})
    named: str | None = services.get("s3", {}).get("endpoint_url") or profile.get("endpoint_url")
    return named
