"""Authentication: senders by the intake's token, people and programs by a token of their own."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from intake.http.answers import Stop

CHALLENGE = {"www-authenticate": "Bearer"}

BROWSERS = {"www-authenticate": 'Basic realm="reports", charset="UTF-8"'}


@dataclass(frozen=True)
class Keys:
    """The tokens, read at start; who is removed later is nobody at once. Without `sender`, whatever
    passed the gate may read and send."""

    sender: str | None = field(default=None, repr=False)
    people: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name to token."""
    programs: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The same of programs, which read and propose, and decide nothing."""
    listed: Callable[[], Collection[str]] | None = field(default=None, repr=False)
    """The names that the configuration has by now: the token of one that is gone opens nothing."""

    def knows(self, request: Request) -> bool:
        """Whether a sender, a person or a program asks; without `sender`, everybody is as good as one."""
        return self.sender is None or self._known(_bearer(request))

    def admit(self, request: Request) -> None:
        """Accept a sender or a known person. Raises Stop with 401."""
        if self.sender is not None and not self._sends(_bearer(request)):
            raise Stop(401, "the bearer token is missing or wrong", CHALLENGE)

    def admit_reader(self, request: Request) -> None:
        """As `admit`, also by a browser, which sends the token as a password. Only for what changes nothing:
        a browser sends it again with whatever another page makes it ask for."""
        if not (self.knows(request) or self._known(_password(request))):
            raise Stop(401, "the token is missing or wrong", BROWSERS)

    def person(self, request: Request) -> str:
        """The name of the person; the intake's own token names nobody. Raises Stop with 401 or 403."""
        if not self.people:
            raise Stop(
                403,
                "nobody may decide through the intake: name people and their tokens under intake.people, "
                "or use the command line",
            )
        holder = self.holder(_bearer(request))
        if holder is None and self.program_of(request):
            raise Stop(403, "a program may read and propose; a person decides")
        if holder is None:
            raise Stop(401, "the bearer token is missing, or is not a person's", CHALLENGE)
        return holder

    def program_of(self, request: Request) -> str | None:
        """The name of the program; None for everybody else."""
        return self._listed(_holder(_bearer(request), self.programs))

    def _known(self, given: str) -> bool:
        return self._sends(given) | (self._listed(_holder(given, self.programs)) is not None)

    def _sends(self, given: str) -> bool:
        return self.is_sender(given) | (self.holder(given) is not None)

    def is_sender(self, given: str) -> bool:
        """Whether it is the intake's own token."""
        return _same(given, self.sender or "")

    def token_of(self, name: str) -> str | None:
        """The token of a person; of nobody by name, the intake's own."""
        if not name:
            return self.sender
        return self.people.get(name) if self._listed(name) else None

    def holder(self, given: str) -> str | None:
        """Whose token it is, of the people."""
        return self._listed(_holder(given, self.people))

    def _listed(self, name: str | None) -> str | None:
        return name if name and (self.listed is None or name in self.listed()) else None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _password(request: Request) -> str:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return ""
    return decoded.partition(":")[2]


def _holder(given: str, tokens: Mapping[str, str]) -> str | None:
    """Compares every one, so that the time taken reveals nothing."""
    holders = [name for name, token in tokens.items() if _same(given, token)]
    return holders[0] if holders else None


def _same(given: str, expected: str) -> bool:
    return bool(expected) & hmac.compare_digest(given.encode(errors="replace"), expected.encode())
