"""`python -m demo.standins.shop PORT STATE`: where the products come from.

It takes one key, refuses what is signed by a clock that differs from its own, and limits how much
it is asked. How it is at the moment stands in a file: see `ShopState`.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from demo.standins.answering import Answering, serve

FIRST_KEY = "AKDEMOSHOP01"
PRODUCTS = 12
CLOCKS_DIFFER = 900.0
"""Seconds by which a signed time may be off."""


@dataclass(frozen=True)
class ShopState:
    """`errors` and `empty` say how many of the next answers are so; `limited_until` is a time since 1970,
    before which nothing is given, and after which only `most` at a time; `ahead` is off its clock."""

    key: str = FIRST_KEY
    errors: int = 0
    empty: int = 0
    limited_until: float = 0.0
    most: int = PRODUCTS
    ahead: float = 0.0

    def write(self, file: Path) -> None:
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)))
        new.replace(file)

    @classmethod
    def read(cls, file: Path) -> ShopState:
        return cls(**json.loads(file.read_text())) if file.exists() else cls()


class Shop(Answering):
    """`GET /products?limit=N`, with the key and the time in headers."""

    state: Path

    def do_GET(self) -> None:
        state, now = ShopState.read(self.state), time.time()
        limit = int(parse_qs(urlsplit(self.path).query).get("limit", [PRODUCTS])[0])
        signed_at = float(self.headers.get("X-Signed-At") or now)
        if self.headers.get("X-Key") != state.key:
            self._refuse(401, "UnrecognizedClient", "the access key is not valid")
        elif abs(now + state.ahead - signed_at) > CLOCKS_DIFFER:
            self._refuse(401, "RequestExpired", "the time of the signature is too far from ours")
        elif state.errors:
            ShopState(**{**asdict(state), "errors": state.errors - 1}).write(self.state)
            self._refuse(500, "InternalFailure", "try again")
        elif now < state.limited_until or limit > state.most:
            wait = max(1, math.ceil(state.limited_until - now))
            self._refuse(429, "TooManyRequests", "you ask for too much", {"Retry-After": str(wait)})
        elif state.empty:
            ShopState(**{**asdict(state), "empty": state.empty - 1}).write(self.state)
            self.answer(200, {"items": 0})
        else:
            self.answer(200, {"items": min(limit, PRODUCTS)})

    def _refuse(self, status: int, kind: str, why: str, headers: dict[str, str] | None = None) -> None:
        self.answer(status, {"code": kind, "message": why}, headers)


if __name__ == "__main__":
    Shop.state = Path(sys.argv[2])
    serve(int(sys.argv[1]), Shop)
