"""A web site on this machine, in threads of the test: what stands there, who came, who was left."""

import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from e2e.server import PATIENCE


@dataclass(frozen=True, slots=True)
class Stand:
    """What stands at a path: bytes with a status and headers; `silent` answers nothing."""

    content: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    silent: bool = False


class Site(ThreadingHTTPServer):
    """Serves stands by path; `asked` counts them, `came` and `left` tell of connections to silent ones."""

    daemon_threads = True

    def __init__(self, stands: Mapping[str, Stand]) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.stands = stands
        self.connections = 0
        self.asked: Counter[str] = Counter()
        self.came = threading.Event()
        self.left = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Visit(BaseHTTPRequestHandler):
    def setup(self) -> None:
        super().setup()
        cast(Site, self.server).connections += 1

    def do_GET(self) -> None:
        site = cast(Site, self.server)
        site.asked[self.path] += 1
        stand = site.stands.get(self.path, Stand(b"not here", 404))
        if stand.silent:
            site.came.set()
            self.connection.settimeout(PATIENCE)
            if not self.connection.recv(1):
                site.left.set()
            return
        self.send_response(stand.status)
        for name, value in {"Content-Length": str(len(stand.content)), **stand.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(stand.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its own name for it)
        """Say nothing."""


@contextmanager
def site(**stands: Stand) -> Generator[Site]:
    """An open site; `page=` stands at /page."""
    with Site({f"/{name}": stand for name, stand in stands.items()}) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield opened
        finally:
            opened.shutdown()
            thread.join()
