"""A link in a message that signs its one reader in: at one incident, once, and not for long."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Self

from pydantic import ValidationError

from models.base import Model
from models.messages import USE_LINK
from models.people.signature import BY_LINK, Signature, Statement

SESSION = "a session"
"""What a link becomes for the browser that used it: a cookie."""
LONGEST = 2000
"""Characters of a link that are read."""
_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


class SignedLink(Model):
    """Who may open which question; of which incident, its address says, and the seal binds it."""

    by: str
    plans: tuple[str, ...] = ()
    """What was asked when it was sent, by digest: nothing else may be decided by it."""
    run: str
    """The run in which the incident began."""
    at: datetime
    nonce: str
    key: str
    seal: str = ""

    def statement(self, incident: str, message: str = USE_LINK) -> Statement:
        """What its seal must be of, as a link to this incident."""
        return Statement(
            incident=incident,
            message=message,
            plan=",".join(self.plans),
            by=self.by,
            says_to_be="",
            through=BY_LINK,
            text="",
            signature=Signature(
                key=self.key, run=self.run, host="", at=self.at, nonce=self.nonce, seal=self.seal
            ),
        )

    def sealed(self, key: str, incident: str, message: str = USE_LINK) -> Self:
        """The same with the seal that this key makes."""
        return self.model_copy(update={"seal": self.statement(incident, message).seal(key)})

    def as_text(self) -> str:
        """For an address or a cookie."""
        plans, at = ",".join(self.plans), int(self.at.timestamp())
        fields = [self.by, plans, self.run, at, self.nonce, self.key, self.seal]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """What such a text says, before its seal is checked; None for anything else.

        What mail programs add is left out: a full stop behind it, the end of a line within it.
        """
        try:
            own = _FOREIGN.sub("", text[:LONGEST])
            padded = own + "=" * (-len(own) % 4)
            by, plans, run, at, nonce, key, seal = json.loads(
                base64.urlsafe_b64decode(padded.encode("ascii"))
            )
            return cls(
                by=by,
                plans=tuple(filter(None, plans.split(","))),
                run=run,
                at=datetime.fromtimestamp(at, UTC),
                nonce=nonce,
                key=key,
                seal=seal,
            )
        except (
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
            OSError,
            RecursionError,
            ValidationError,
        ):
            return None
