"""`python -m demo.standins.provider PORT`: an API that writes texts, and fails by being killed.

While the file that `SLOW` names is there, each answer takes the seconds that stand in it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from demo.parts.loopback import LOOPBACK


class Provider(BaseHTTPRequestHandler):
    """`GET /v1/models` asks who you are, as such APIs do; `POST /v1/completions` writes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(401, {"error": "a key is needed"})

    def do_POST(self) -> None:
        self._answer(200, {"texts": ["product 3 in sixty seconds", "what nobody tells you about product 7"]})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: it is asked several times a second."""

    def _answer(self, status: int, content: object) -> None:
        slow = Path(os.environ.get("SLOW", ""))
        if slow.is_file():
            time.sleep(float(slow.read_text()))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((LOOPBACK, int(sys.argv[1])), Provider).serve_forever()
