"""A proxy on the loopback address that cuts all connections when a client sends a text, as a network does that fails."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards connections to a port of this machine; `port` is its own, `cut_at_time` is when it was cut (`time.monotonic`)."""

    def __init__(self, to: int, *, cut_at: bytes = b"") -> None:
        self._to = to
        self._cut_at = cut_at
        self._open: list[socket.socket] = []
        self.cut_at_time = 0.0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._open += [client, server]
            for one, other, is_sent in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._forward, args=(one, other, is_sent), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket, is_sent: bool) -> None:
        try:
            while data := one.recv(65536):
                if is_sent and self._cut_at and self._cut_at in data:
                    self.cut()
                    return
                other.sendall(data)
        except OSError:
            pass
        for each in (one, other):
            each.close()

    def cut(self) -> None:
        """Close all connections, and accept no more."""
        self.cut_at_time = self.cut_at_time or time.monotonic()
        for each in (self._listening, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
