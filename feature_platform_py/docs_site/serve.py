"""The docs site on this machine's loopback address, and on no other."""

from __future__ import annotations

import shlex
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.docs_site.page import POLICY

HOST = "127.0.0.1"


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves files; a page that changed is not taken from a cache, and a request is no news."""

    def end_headers(self) -> None:
        """Let the browser ask each time, run no script but the site's, and show the site in no other page."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def site_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of the folder's files, which does not run yet; port 0 takes any that is free.

    Raises ConfigurationError if there is no site, or if the port is taken.
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
