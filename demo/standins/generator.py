"""`python -m demo.standins.generator PORT`: an API that makes videos, and fails by being killed."""

from __future__ import annotations

import sys

from demo.standins.answering import Answering, serve


class Generator(Answering):
    """`GET /api/v1/health` says how it is; `POST /v1/videos` makes some."""

    def do_GET(self) -> None:
        self._say({"status": "ok"})

    def do_POST(self) -> None:
        self._say({"videos": 5})

    def _say(self, content: object) -> None:
        self.heard()
        self.answer(200, content)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Generator)
