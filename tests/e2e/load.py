"""Clients that ask a server without end, and keep account of what became of every request."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from e2e.server import Server
from upstream import VLLM, Upstream

End: TypeAlias = Literal["whole", "refused", "closed", "failed"]
"""whole: answered with status 200, to its last byte · refused: nobody listens any more · closed: a connection that had
answered before was closed without a byte of an answer, as HTTP lets a server do · failed: anything else.
"""

_MESSAGES: Final = [{"role": "user", "content": "hello"}]
_MODEL: Final = "m"


class SlowEngine(Upstream):
    """Takes a moment for every answer."""

    def __init__(self, seconds: float = 0.02) -> None:
        super().__init__(VLLM, {_MODEL: {}})
        self._seconds = seconds

    def finish_request(self, request: object, client_address: object) -> None:
        """Answer one connection, after a moment."""
        time.sleep(self._seconds)
        super().finish_request(request, client_address)  # pyright: ignore[reportArgumentType] (as it came)

    def handle_error(self, request: object, client_address: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] (it looks at neither)
        """Say nothing of servers that were killed in the middle of an answer."""
        del request, client_address


@contextmanager
def slow_engine(seconds: float = 0.02) -> Generator[SlowEngine]:
    """An engine that serves while the block lasts."""
    server = SlowEngine(seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings(engine: Upstream, *lines: str) -> str:
    """A configuration whose only chat model is answered by that engine."""
    return "\n".join(
        [
            *lines,
            f'[models.{_MODEL}]\nkind = "chat"\nengine = "up"',
            f'[engines.up]\ntype = "http"\nurl = "{engine.url}"\ndiscover = false\n',
        ]
    )


@dataclass
class Client(threading.Thread):
    """Asks one question after the other, over one connection where it `keeps` it, until nobody listens or it is stopped."""

    server: Server
    is_stream: bool
    keeps: bool
    ends: list[End] = field(default_factory=list[End])
    answers: list[bytes] = field(default_factory=list[bytes])
    is_stopped: bool = False

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Ask until nobody listens."""
        connection = self.server.connect()
        answered = False
        while not self.is_stopped:
            end = self._ask(connection, answered=answered)
            self.ends.append(end)
            if end == "refused":
                break
            answered = self.keeps and end == "whole"
            if not answered:
                connection.close()
                connection = self.server.connect()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, *, answered: bool) -> End:
        body = json.dumps({"model": _MODEL, "messages": _MESSAGES, "stream": self.is_stream})
        headers = {"authorization": f"Bearer {self.server.key}"}
        try:
            if connection.sock is None:
                connection.connect()
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "failed"
        fresh = not answered
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
        except (OSError, http.client.RemoteDisconnected) as error:
            self.answers.append(repr(error).encode())
            return "failed" if fresh else "closed"
        try:
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return "failed"
        self.answers.append(content)
        return "whole" if answer.status == 200 and _is_whole(content, self.is_stream) else "failed"


def _is_whole(content: bytes, is_stream: bool) -> bool:  # noqa: FBT001  (what it is asked about)
    if is_stream:
        return content.endswith(b"data: [DONE]\n\n") and b'"error"' not in content
    return content.startswith(b"{") and content.endswith(b"}") and b'"error"' not in content


def clients(server: Server, count: int) -> list[Client]:
    """Clients of every kind, at work."""
    found = [Client(server, number % 2 == 0, number % 4 < 2) for number in range(count)]
    for client in found:
        client.start()
    return found


def ends(found: Sequence[Client]) -> Counter[End]:
    """What became of all they asked, once they are done."""
    for client in found:
        client.join(60)
        assert not client.is_alive()
    return Counter(cast("list[End]", [end for client in found for end in client.ends]))
