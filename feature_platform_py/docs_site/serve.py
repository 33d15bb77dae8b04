"""Serve the docs site on this machine's loopback address only."""

from __future__ import annotations

import shlex
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.docs_site.page import POLICY

HOST = "127.0.0.1"


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without caching, and does not log requests."""

    def end_headers(self) -> None:
        """Forbid caching, other scripts than the site's, and framing by other pages."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the folder's files that does not run yet; port 0 means any free port.

    Raises ConfigurationError if the folder has no site, or if the port is in use.
    """
    if not (folder / "index.html").is_file():
        output = "" if folder.parts[-2:] == ("target", "docs") else f" --output {shlex.quote(str(folder))}"
        raise ConfigurationError(f"{folder}: expected a docs site, found none; run `fpjob docs build{output}` first")
    try:
        return ThreadingHTTPServer((HOST, port), partial(_QuietHandler, directory=str(folder)))
    except OSError as error:
        raise ConfigurationError(
            f"port {port} of {HOST} cannot be used: {error.strerror}; name another with `--port`"
        ) from error
