"""What is ordered beside the incidents, of the control room or of a steward, and whose word it is."""

from __future__ import annotations

import hashlib
import json
import operator
from datetime import datetime
from typing import Self

from pydantic import Field

from models.base import Model
from models.evidence.deployment import Deployment
from models.incident.incident import Spoken
from models.people.signature import Signature, Statement

MOST_NOT_TAKEN = 5
"""So many of the newest orders that did not count are remembered."""


class OrderSaid(Spoken):
    """Whose word an order is. Its signature binds all of the order."""

    order: str = ""
    """The digest of what is ordered. Who hears it takes that of what came, whatever the message says."""

    def statement(self, incident: str, message: str, signature: Signature) -> Statement:
        bound = super().statement(incident, message, signature)
        return bound.model_copy(update={"plan": self.order})


class SignedOrder(Model):
    """What is ordered, which may carry a signature."""

    said: OrderSaid | None = Field(default=None, exclude_if=operator.not_)
    """Without it, nobody vouches for what the order says of who sent it."""

    @property
    def digest(self) -> str:
        """By which exactly this order is known."""
        fields = self.model_dump(mode="json", exclude={"said"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()

    def words(self, claimed: str) -> OrderSaid:
        """The word that it carries, of exactly this order; a raw one of who it claims to be of."""
        return (self.said or OrderSaid(by=claimed)).model_copy(update={"order": self.digest})

    def under(self, said: OrderSaid) -> Self:
        return self.model_copy(update={"said": said})


class DeploymentTold(Deployment, SignedOrder):
    """A deployment as a pipeline or a worker tells it."""

    def recorded(self, by: str) -> Deployment:
        """As it is remembered."""
        fields = self.model_dump(exclude={"said", "recorded_by"})
        return Deployment.model_validate({**fields, "recorded_by": by})


class Used(Model):
    """The signatures of one workflow that counted: none counts twice."""

    nonces: dict[str, datetime] = {}
    """When it was signed."""
    forgotten_until: datetime | None = None


class NotTaken(Model):
    """An order that did not count."""

    key: str
    at: datetime
    what: str
    by: str
    why: str

    @property
    def line(self) -> str:
        """`2026-12-01 02:00 UTC: resume did not count (…), by …`."""
        return f"{self.at:%Y-%m-%d %H:%M} UTC: {self.what} did not count ({self.why}), by {self.by}"
