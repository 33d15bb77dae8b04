"""Read the connection to a Spark Thrift server from the profile, as dbt-spark reads it; the password is never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from feature_platform_py.core.errors import ConfigurationError

AUTHENTICATIONS = ("NONE", "NOSASL", "LDAP", "CUSTOM", "KERBEROS")
_WITH_PASSWORD = frozenset({"LDAP", "CUSTOM"})
DEFAULT_PORT = 10_000
_LARGEST_PORT = 65_535
_TIME_ZONE = "spark.sql.session.timeZone"
_OF_SPARK = "set:hiveconf:"
"""What Spark's own Thrift server expects before the name of a session's setting; it ignores names without it."""


@dataclass(frozen=True)
class ThriftConnectionConfig:
    """A Spark Thrift server, and how a client proves who it is. `str()` and `repr()` show the password as `**********`."""

    host: str
    port: int = DEFAULT_PORT
    user: str | None = None
    auth: str = "NONE"
    password: SecretStr | None = None
    kerberos_service_name: str | None = None
    use_ssl: bool = False
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_profile(cls, target: str, output: Mapping[str, Any]) -> ThriftConnectionConfig:
        """Return the connection of a target. Raises one ConfigurationError that names every key that is missing or wrong."""
        if problems := list(_problems(output)):
            raise ConfigurationError(f"profiles/profiles.yml: target `{target}`: {'; '.join(problems)}")
        settings = {str(name): str(value) for name, value in (output.get("server_side_parameters") or {}).items()}
        password = output.get("password")
        return cls(
            host=str(output["host"]).strip().rstrip("/"),
            port=int(output.get("port") or DEFAULT_PORT),
            user=output.get("user") or None,
            auth=_authentication(output),
            password=SecretStr(str(password)) if password else None,
            kerberos_service_name=output.get("kerberos_service_name") or None,
            use_ssl=bool(output.get("use_ssl")),
            # The rows of a view are those of the session that made it; what is fetched is read as UTC.
            settings=settings | {f"{_OF_SPARK}{_TIME_ZONE}": "UTC", _TIME_ZONE: "UTC"},
        )

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


def _problems(output: Mapping[str, Any]) -> Iterator[str]:
    if output.get("method") != "thrift":
        yield f"`method` is `{output.get('method')}`; expected `thrift`, the only method of dbt-spark that this package speaks"
    if not str(output.get("host") or "").strip():
        yield "`host` is missing; name the Spark Thrift server with `FP_THRIFT_HOST`"
    port = str(output.get("port") or DEFAULT_PORT)
    if not (port.isdecimal() and 0 < int(port) <= _LARGEST_PORT):
        yield f"`port` is `{port}`; expected a number, usually {DEFAULT_PORT} (`FP_THRIFT_PORT`)"
    auth = _authentication(output)
    if auth not in AUTHENTICATIONS:
        yield f"`auth` is `{auth}`; expected one of {', '.join(AUTHENTICATIONS)} (`FP_THRIFT_AUTH`)"
    if auth in _WITH_PASSWORD and not output.get("password"):
        yield f"`password` is missing; `auth: {auth}` needs one (`FP_THRIFT_PASSWORD`)"
    if auth not in _WITH_PASSWORD and output.get("password"):
        yield "`password` is set; only `auth: LDAP` and `auth: CUSTOM` send one (`FP_THRIFT_AUTH`)"


def _authentication(output: Mapping[str, Any]) -> str:
    return str(output.get("auth") or "NONE")
