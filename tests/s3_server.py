"""An S3 server of the tests' own (moto's): it keeps objects in memory, and is gone afterwards."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from postgres_server import free_port

BUCKET, SECRET = "bucket", "s3cret-4ccess-key"
DEADLINE = 30.0


class S3:
    """A server. `stop` and `start` do so to it; what it held is gone then."""

    def __init__(self) -> None:
        self._port = free_port()
        # How its users find it and who they are.
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "explorer",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",  # a server that is away is noticed in seconds
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, calls: int | None = None) -> None:
        """Start it, with an empty bucket.

        Args:
            calls: After so many it asks who calls, and knows nobody.
        """
        asking = {} if calls is None else {"INITIAL_NO_AUTH_ACTION_COUNT": str(calls)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)],
            env={**os.environ, **asking},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(urllib.error.URLError):
                self._ask("PUT", BUCKET)
                return
            time.sleep(0.05)
        raise RuntimeError("the S3 server does not answer")

    def stop(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait(DEADLINE)

    def keys(self) -> list[str]:
        """The keys of all objects in the bucket."""
        return re.findall("<Key>(.*?)</Key>", self._ask("GET", f"{BUCKET}?list-type=2"))

    def buckets(self) -> list[str]:
        """The names of all buckets."""
        return re.findall("<Bucket><Name>(.*?)</Name>", self._ask("GET", ""))

    def _ask(self, method: str, path: str) -> str:
        url = f"{self.environment['AWS_ENDPOINT_URL']}/{path}"
        request = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return str(answer.read().decode())


@contextmanager
def serve() -> Iterator[S3]:
    """A server while the block runs."""
    server = S3()
    server.start()
    try:
        yield server
    finally:
        server.stop()
