"""The message by which a person, or a program, proposes a plan; and its answer."""

from __future__ import annotations

import hashlib
import json
from typing import Self

from pydantic import Field, model_validator

from models.base import Model
from models.catalogue.proposable import PROPOSABLE, Settings, settings_of
from models.incident.incident import Spoken, Through
from models.names import ServiceName
from models.people.signature import Signature, Statement

MOST_SETTINGS = 8
TAKEN_BEFORE = "TakenBefore"
"""The type of the refusal of what was proposed already; its detail is the answer of then."""


class Proposable(Model):
    """One action of the catalogue for a service of the incident. Raises `ValueError` for what `settings_of`
    does not take."""

    action: str = Field(max_length=80, json_schema_extra={"enum": list(PROPOSABLE)})
    """Its kind, as `restart-service`."""
    service: ServiceName | None = None
    """By default the incident's own."""
    settings: dict[str, int | str] = Field(default_factory=dict, max_length=MOST_SETTINGS)
    key: str = Field(default="", pattern=r"^[A-Za-z0-9._:-]{0,100}$")
    """What is sent twice under one key is one proposal; by default what it says is its key."""

    @model_validator(mode="after")
    def _is_of_the_catalogue(self) -> Self:
        settings_of(self.action, self.settings)
        return self

    @property
    def as_settings(self) -> Settings:
        return settings_of(self.action, self.settings)


class Proposal(Proposable, Spoken):
    """The same as somebody's word, under their signature."""

    @property
    def of_program(self) -> bool:
        return self.through is Through.PROGRAM

    def content(self, service: str) -> str:
        """Twelve hexadecimal digits over what is proposed for this service; not over who proposes it."""
        return _digest(self.action, service, self.as_settings.model_dump_json(exclude_none=True))

    def id(self, service: str) -> str:
        """The same over who proposes it under which key."""
        return _digest(self.by, self.through, self.key or self.content(service))

    def statement(self, incident: str, message: str, signature: Signature) -> Statement:
        bound = super().statement(incident, message, signature)
        said = json.dumps([self.action, self.service, sorted(self.settings.items()), self.key])
        return bound.model_copy(update={"plan": said})


class Proposed(Model):
    """Whether a proposal was taken, and the reason; `id` names it in `proposals` of the state."""

    accepted: bool
    reason: str
    id: str = ""


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
