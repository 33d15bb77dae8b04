"""The embedded engine serves its own process: its port takes no other connection, and reads none."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from feature_platform_py.sessions import sail_session
from feature_platform_py.sessions.private_port import PrivatePort
from feature_platform_py.sessions.sail_session import open_sail_session

STRANGER = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=30)
connection.sendall(b"read me")
print("connected", flush=True)
try:
    print(connection.recv(100))
except ConnectionResetError:
    print(b"")
"""


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    session = open_sail_session()
    yield sail_session._server.listening_address
    assert session.sql("select 1 as one").collect()[0].one == 1
    session.stop()


def test_nobody_connects_while_a_session_is_open(address: tuple[str, int]) -> None:
    with pytest.raises(TimeoutError):
        socket.create_connection(address, timeout=1.5)


def test_a_second_session_opens_beside_the_first(address: tuple[str, int]) -> None:
    session = open_sail_session()
    assert session.sql("select 2 as two").collect()[0].two == 2
    assert sail_session._server.listening_address == address
    session.stop()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_what_connects_from_another_process_is_not_read_and_is_cut_off(server: socket.socket) -> None:
    port = PrivatePort(server.getsockname())
    read: list[bytes] = []
    with port.open():
        stranger = subprocess.Popen(
            [sys.executable, "-c", STRANGER, str(server.getsockname()[1])], stdout=subprocess.PIPE, text=True
        )
        connection, _ = server.accept()
        reader = Thread(target=lambda: read.append(connection.recv(100)))
        reader.start()
        assert stranger.stdout.readline() == "connected\n"
        reader.join(timeout=0.5)
        assert reader.is_alive()
    reader.join(timeout=30)
    assert read == [b""]
    assert stranger.communicate(timeout=30)[0] == "b''\n"
    port.close()


def test_what_connects_from_this_process_is_read_once_the_port_is_closed_to_others(server: socket.socket) -> None:
    port = PrivatePort(server.getsockname())
    with port.open():
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
        client.sendall(b"hello")
    client.sendall(b" you")
    connection.settimeout(10)
    received = b""
    while len(received) < len(b"hello you"):
        received += connection.recv(100)
    assert received == b"hello you"
    port.close()


def test_a_connection_from_before_the_guard_is_cut_off(server: socket.socket) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", STRANGER, str(server.getsockname()[1])], stdout=subprocess.PIPE, text=True
    )
    connection, _ = server.accept()
    assert stranger.stdout.readline() == "connected\n"
    PrivatePort(server.getsockname()).close()
    assert stranger.communicate(timeout=30)[0] == "b''\n"
    connection.close()
