"""The connection of a Spark Thrift server, as the profile describes it, and what keeps a session from opening."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from feature_platform_py.core.errors import ConfigurationError, EngineError
from feature_platform_py.core.project import connection_of, open_project
from feature_platform_py.sessions.thrift import ThriftConnectionConfig
from feature_platform_py.sources import thrift_session as sessions
from tests.conftest import ROOT

VARIABLES = ("HOST", "PORT", "USER", "AUTH", "PASSWORD", "SSL", "KERBEROS_SERVICE")
SECRET = 'se{cret\'s "1"'


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"FP_THRIFT_{name}", raising=False)


def described(monkeypatch: pytest.MonkeyPatch, root: Path = ROOT, **variables: str) -> ThriftConnectionConfig:
    for name, value in variables.items():
        monkeypatch.setenv(f"FP_THRIFT_{name}", value)
    project = open_project(root, target="thrift")
    return ThriftConnectionConfig.from_profile("thrift", connection_of(project))


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    found = described(monkeypatch, HOST="emr.example.com", USER="me", AUTH="LDAP", PASSWORD=SECRET, SSL="true")
    assert (found.address, found.user, found.auth, found.use_ssl) == ("emr.example.com:10000", "me", "LDAP", True)
    assert found.password and found.password.get_secret_value() == SECRET
    assert SECRET not in repr(found)
    assert found.settings["set:hiveconf:spark.sql.session.timeZone"] == "UTC"


@pytest.mark.parametrize("password", ["123", "None", "[]"])
def test_a_password_is_a_text_whatever_it_looks_like(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = described(monkeypatch, HOST="host", AUTH="CUSTOM", PASSWORD=password)
    assert found.password and found.password.get_secret_value() == password


def test_kerberos_names_its_service_and_sends_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    found = described(monkeypatch, HOST="host", AUTH="KERBEROS", PASSWORD=SECRET)
    assert (found.kerberos_service_name, found.password) == ("hive", None)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "`host` is missing; name the Spark Thrift server with `FP_THRIFT_HOST`"),
        ({"HOST": "x", "PORT": "70000"}, "`port` is `70000`; expected a number, usually 10000 (`FP_THRIFT_PORT`)"),
        (
            {"HOST": "x", "AUTH": "PAM"},
            "`auth` is `PAM`; expected one of NONE, NOSASL, LDAP, CUSTOM, KERBEROS (`FP_THRIFT_AUTH`)",
        ),
        ({"HOST": "x", "AUTH": "LDAP"}, "`password` is missing; `auth: LDAP` needs one (`FP_THRIFT_PASSWORD`)"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    variables: Mapping[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError) as error:
        described(monkeypatch, **variables)
    assert str(error.value) == f"profiles/profiles.yml: target `thrift`: {told}"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"method": "odbc"},
            "`method` is `odbc`; expected `thrift`, the only method of dbt-spark that this package speaks",
        ),
        ({"password": "x"}, "`password` is set; only `auth: LDAP` and `auth: CUSTOM` send one (`FP_THRIFT_AUTH`)"),
    ],
)
def test_a_profile_of_ones_own_may_be_wrong(changed: Mapping[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        ThriftConnectionConfig.from_profile("mine", {"method": "thrift", "host": "x", **changed})
    assert str(error.value) == f"profiles/profiles.yml: target `mine`: {told}"


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of a server that refuses each login, as one with LDAP does for a wrong password."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            listening.accept()[0].close()  # whether anyone answers
            client, _ = listening.accept()
            client.recv(1000)
            said = f"Error validating the login of {SECRET}".encode()
            client.sendall(struct.pack(">BI", 3, len(said)) + said)
            client.recv(1000)
            client.close()

        threading.Thread(target=refuse, daemon=True).start()
        yield int(listening.getsockname()[1])


def test_a_refused_login_is_one_error_without_the_password(refusing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = described(monkeypatch, HOST="127.0.0.1", PORT=str(refusing), USER="me", AUTH="LDAP", PASSWORD=SECRET)
    with pytest.raises(EngineError) as error, sessions.thrift_session(config):
        pass
    assert str(error.value) == (
        f"127.0.0.1:{refusing}: the server refuses user `me` by `auth: LDAP`: Error validating the login of **********; check"
        " `FP_THRIFT_AUTH`, `FP_THRIFT_USER` and `FP_THRIFT_PASSWORD`"
    )


def test_no_server_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = described(monkeypatch, HOST="127.0.0.1", PORT=str(port))
    with pytest.raises(EngineError) as error, sessions.thrift_session(config):
        pass
    assert str(error.value) == (
        f"127.0.0.1:{port}: expected a Spark Thrift server, but none answers (Connection refused); check `FP_THRIFT_HOST`,"
        " `FP_THRIFT_PORT` and the network"
    )


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_SECONDS_TO_OPEN", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        config = described(monkeypatch, HOST="127.0.0.1", PORT=str(port), USER="me", AUTH="NOSASL")
        with pytest.raises(EngineError) as error, sessions.thrift_session(config):
            pass
    assert str(error.value) == (
        f"127.0.0.1:{port}: no answer within 0.2 s to user `me` by `auth: NOSASL`; check that `FP_THRIFT_AUTH` is what the server's"
        " `hive.server2.authentication` says, and that the server is not still starting"
    )


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "find_spec", lambda name: None if name == "kerberos" else object())
    with pytest.raises(
        ConfigurationError, match="`auth: KERBEROS` needs the package `kerberos`, which is not installed"
    ):
        sessions._import_client(ThriftConnectionConfig("host", auth="KERBEROS"))
    monkeypatch.setattr(sessions, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"python -m pip install 'pyhive\[hive-pure-sasl\]~=0.7.0'"):
        sessions._import_client(ThriftConnectionConfig("host"))


def test_a_version_of_thrift_that_dbt_spark_cannot_encrypt_with_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"`use_ssl`: dbt-spark encrypts with thrift before 0\.17, given"):
        sessions._import_client(ThriftConnectionConfig("host", use_ssl=True))
