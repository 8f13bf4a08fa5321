"""`python -m demo.standins.generator PORT`: an API that makes videos, and fails by being killed."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.parts.loopback import LOOPBACK


class Generator(BaseHTTPRequestHandler):
    """`GET /api/v1/health` says how it is; `POST /v1/videos` makes some."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({"status": "ok"})

    def do_POST(self) -> None:
        self._answer({"videos": 5})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""

    def _answer(self, content: object) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((LOOPBACK, int(sys.argv[1])), Generator).serve_forever()
