"""An S3 server for tests: `moto` in a process of its own on loopback, which counts requests and can refuse them.

Buckets whose names begin with a word of `REFUSALS` answer every request with that error of S3.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.request import urlopen

REGION = "eu-central-1"
REFUSALS = {
    "denied": ("403 Forbidden", "AccessDenied", "Access Denied"),
    "expired": ("400 Bad Request", "ExpiredToken", "The provided token has expired."),
    "elsewhere": (
        "301 Moved Permanently",
        "PermanentRedirect",
        "The bucket must be addressed using the specified endpoint.",
    ),
}
_COUNTS = "/_requests"
_ROOT = Path(__file__).parents[1]


class S3Server:
    """The server's address, its buckets, and the requests that it has answered."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which programs find the server, as a cloud's user sets them."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test-key",
            "AWS_SECRET_ACCESS_KEY": "test-secret-that-nobody-prints",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self) -> Any:
        """Return a client of the AWS library, which shares no code with the platform's."""
        import boto3

        keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION, **keys)

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its address."""
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return f"s3://{name}"

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of a bucket's objects in order."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        """Write the files below a folder."""
        client = self.client()
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                client.upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder)}")

    def requests(self, bucket: str) -> Counter[str]:
        """Return how many requests of each operation the bucket has had since it was made."""
        with urlopen(f"{self.endpoint}{_COUNTS}") as answer:
            return Counter(json.load(answer).get(bucket, {}))


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run the server in a process of its own until the block ends."""
    command = [sys.executable, "-m", "tests.object_store"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout and process.stdin
        yield S3Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


class _Counting:
    """Count requests by bucket and operation, refuse those that are to be refused, and let one write follow the other.

    `moto` looks at a condition and writes in two steps; S3 does both at once.
    """

    def __init__(self, app: Any) -> None:
        self._app, self._lock, self._writing = app, threading.Lock(), threading.Lock()
        self._counts: dict[str, Counter[str]] = {}

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        bucket = environ["PATH_INFO"].strip("/").split("/")[0]
        if environ["PATH_INFO"] == _COUNTS:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._counts).encode()]
        with self._lock:
            self._counts.setdefault(bucket, Counter())[_operation(environ)] += 1
        if refusal := REFUSALS.get(bucket.split("-")[0]):
            status, code, message = refusal
            start_response(status, [("Content-Type", "application/xml")])
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [text.encode()]
        if environ["REQUEST_METHOD"] in ("PUT", "POST"):
            with self._writing:
                return list(self._app(environ, start_response))
        return self._app(environ, start_response)  # type: ignore[no-any-return]


def _operation(environ: Any) -> str:
    method, query = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    if method == "GET" and ("list-type" in query or environ["PATH_INFO"].strip("/").count("/") == 0):
        return "list"
    if method == "POST":
        return "delete" if "delete" in query else "multipart"
    return str(method).lower()


def _serve() -> None:
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").disabled = True
    app = _Counting(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The parent has ended, however it did.
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    _serve()
