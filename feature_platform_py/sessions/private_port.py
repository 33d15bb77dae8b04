"""Guard a loopback port so that it serves only this process; nothing is read from other users' connections.

Sail has neither a password nor a Unix socket. The kernel drops every byte sent to its port until the connection is known
to be this process's own (docs/decisions/0014-the-embedded-engine-serves-its-own-process.md).
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

# From <asm-generic/socket.h>; Python's `socket` has no names for them.
_ATTACH_FILTER, _DETACH_FILTER = 26, 27
_DROP, _PASS = (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)
# Classic BPF on a TCP segment: pass it if it is only a header. The high bits of byte 12 hold the header's length.
_HANDSHAKE_ONLY = (
    (0x30, 0, 0, 12),  # a = byte 12
    (0x74, 0, 0, 2),  # a >>= 2
    (0x54, 0, 0, 0x3C),  # a &= 0x3c: the header's bytes
    (0x07, 0, 0, 0),  # x = a
    (0x80, 0, 0, 0),  # a = the segment's bytes
    (0x2D, 0, 1, 0),  # a > x?
    _DROP,
    _PASS,
)
_ESTABLISHED = "01"
_MOMENT = 0.0005


class PrivatePort:
    """Guards a port on which this process listens: admits connections of the process, and closes all others."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._lock = threading.Lock()
        # Fail before anything is closed if the kernel does not report who owns a connection.
        dict(_served_connections(address))
        self._listener = next(each for each in _own_sockets() if _is_listening(each, address))
        _set_filter(self._listener, [_DROP])
        # A connection that was made between `listen` and the filter has no filter.
        self._admit()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Let connections be made, without data; afterwards admit those of this process."""
        with self._lock:
            _set_filter(self._listener, _HANDSHAKE_ONLY)
            try:
                yield
            finally:
                _set_filter(self._listener, [_DROP])
                # A connection that the server is about to accept has no inode yet, or an inode without a descriptor.
                while not self._admit():
                    time.sleep(_MOMENT)

    def close(self) -> None:
        """Release the port after its server has ended."""
        self._listener.close()

    def _admit(self) -> bool:
        """Decide on each connection, and return whether the server has accepted all of them."""
        is_own = dict(_served_connections(self._address))
        held = set()
        for each in _own_sockets(frozenset(is_own)):
            held.add(_inode(each))
            with each, suppress(OSError):
                if is_own[_inode(each)]:
                    each.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
                else:
                    each.shutdown(socket.SHUT_RDWR)
        return held == is_own.keys()


def guarded(address: tuple[str, int]) -> PrivatePort | None:
    """Return the guard of a port; return None and warn if the kernel cannot filter what a port receives."""
    try:
        return PrivatePort(address)
    except (OSError, AttributeError, StopIteration) as error:
        warnings.warn(
            f"the embedded engine listens on {address[0]}:{address[1]}, and this system cannot close the port to other"
            f" users of the machine ({error!r}); do not use it on a machine with other users",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _set_filter(listener: socket.socket, instructions: Sequence[tuple[int, int, int, int]]) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in instructions))
    reference = struct.pack("HP", len(instructions), ctypes.addressof(program))
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, reference)


def _own_sockets(inodes: frozenset[int] | None = None) -> Iterator[socket.socket]:
    """Yield duplicates of the process's sockets, all or those with the given inodes."""
    for descriptor, inode in _own_inodes():
        with suppress(OSError):
            if inodes is None or inode in inodes:
                yield socket.socket(fileno=os.dup(descriptor))


def _own_inodes() -> Iterator[tuple[int, int]]:
    """Yield the descriptor and the inode of each socket of the process."""
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            kind, _, rest = str(link.readlink()).partition(":[")
            if kind == "socket":
                yield int(link.name), int(rest[:-1])


def _inode(of: socket.socket) -> int:
    return os.fstat(of.fileno()).st_ino


def _is_listening(each: socket.socket, address: tuple[str, int]) -> bool:
    """Return whether the socket listens at the address; close it if not."""
    try:
        is_it = each.family == socket.AF_INET and each.getsockname() == address
        if is_it and each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return True
    except OSError:
        pass
    each.close()
    return False


def _served_connections(address: tuple[str, int]) -> Iterator[tuple[int, bool]]:
    """Yield the inode of each connection that the port serves, and whether its other end is a socket of this process.

    Only an established end counts; a closed one has no owner.
    """
    served = _kernel_address(*address)
    connections = dict(_connections())
    own = {inode for _, inode in _own_inodes()}
    for (here, there), inode in connections.items():
        if here == served:
            yield inode, connections.get((there, here)) in own


def _connections() -> Iterator[tuple[tuple[str, str], int]]:
    mapped = "".join(_words(socket.inet_pton(socket.AF_INET6, "::ffff:0.0.0.0")[:12]))
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    # A kernel without IPv6 has no second table.
    with suppress(FileNotFoundError):
        lines += Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()
    for fields in map(str.split, lines):
        if fields[3] == _ESTABLISHED:
            # One end may be an IPv6 socket with an IPv4 address, the other the server's IPv4 socket.
            here, there = (each.removeprefix(mapped) for each in fields[1:3])
            yield (here, there), int(fields[9])


def _kernel_address(ip: str, port: int) -> str:
    """Return the address as /proc/net/tcp writes it."""
    return f"{''.join(_words(socket.inet_aton(ip)))}:{port:04X}"


def _words(address: bytes) -> Iterator[str]:
    for start in range(0, len(address), 4):
        yield f"{int.from_bytes(address[start : start + 4], sys.byteorder):08X}"
