"""Whose word a message is: a signature over all that it says, made with a key that only the product holds."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

from models.base import Model

BY_LINK = "a signed link"
"""The channel of who came by the link of a message."""
_OF = "durable-runbooks: the word of a person, 1"


class Signature(Model):
    """Made by the intake, or by the command line, with one of `approvals.keys`."""

    key: str
    """The name of the key: `key_name`."""
    run: str
    """The run in which the incident began."""
    host: str
    """The machine on which the command was typed, or the intake runs."""
    at: datetime
    nonce: str
    seal: str = ""
    """What only who has the key can make of the statement."""


class Statement(Model):
    """What one person says to one incident, with everything that a signature binds."""

    incident: str
    message: str
    """`approve`, `deny`, `acknowledge`, `note` or `done`."""
    plan: str
    by: str
    says_to_be: str
    through: str
    text: str
    signature: Signature

    def seal(self, key: str) -> str:
        """The HMAC-SHA256 of all of it, but for the seal that it carries."""
        signature = self.signature
        fields = [
            *(_OF, self.incident, self.message, self.plan, self.by, self.says_to_be, self.through, self.text),
            *(signature.key, signature.run, signature.host, signature.at.astimezone(UTC).isoformat()),
            signature.nonce,
        ]
        return hmac.new(key.encode(), json.dumps(fields).encode(), hashlib.sha256).hexdigest()

    def sealed_with(self, key: str) -> bool:
        """Whether its seal was made with this key, and nothing was changed since."""
        return hmac.compare_digest(self.seal(key).encode(), self.signature.seal.encode(errors="replace"))


def key_name(key: str) -> str:
    """By what a key is told from another, without a hint of what it is."""
    return hmac.new(key.encode(), b"the name of this key", hashlib.sha256).hexdigest()[:8]
