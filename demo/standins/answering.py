"""What the stand-ins for APIs over HTTP share: they answer in JSON, keep connections, and log nothing."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.parts.loopback import LOOPBACK


class Answering(BaseHTTPRequestHandler):
    """One request of one API."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    """An answer goes out as a whole: head and body apart wait for one another."""
    token = ""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: it is asked several times a second."""

    def heard(self) -> bytes:
        """The body, which must be read before the next request of the connection."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def is_admitted(self) -> bool:
        """Whether it brings the bearer token."""
        said = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(said.encode(), self.token.encode())

    def answer(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        """Answer in JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(port: int, api: type[Answering]) -> None:
    """Answer until it is killed."""
    ThreadingHTTPServer((LOOPBACK, port), api).serve_forever()
