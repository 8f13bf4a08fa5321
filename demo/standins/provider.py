"""`python -m demo.standins.provider PORT`: an API that writes texts, and fails by being killed.

While the file that `SLOW` names is there, each answer takes the seconds that stand in it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from demo.standins.answering import Answering, serve


class Provider(Answering):
    """`GET /v1/models` asks who you are, as such APIs do; `POST /v1/completions` writes."""

    def do_GET(self) -> None:
        self._answer(401, {"error": "a key is needed"})

    def do_POST(self) -> None:
        self._answer(200, {"texts": ["product 3 in sixty seconds", "what nobody tells you about product 7"]})

    def _answer(self, status: int, content: object) -> None:
        slow = Path(os.environ.get("SLOW", ""))
        if slow.is_file():
            time.sleep(float(slow.read_text()))
        self.heard()
        self.answer(status, content)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Provider)
