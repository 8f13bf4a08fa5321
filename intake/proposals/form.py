"""The form by which a person proposes an action at an incident's page.

It offers what the configuration allows; the incident itself has the last word. What is refused comes back as
it was written, with what is wrong and the cure.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from intake.http.answers import Stop
from models.catalogue.line import open_of
from models.catalogue.proposable import PROPOSABLE, settings_of
from models.configuration.configuration import Configuration
from models.incident.incident import IncidentState, Phase, Through
from models.proposals.proposal import Proposal
from models.redaction.known import KNOWN
from models.service.service import Service

LONGEST_REASON = 500
"""Characters."""
SETTING = "set-"
"""Before the name of a setting, in the name of its field."""


@dataclass(frozen=True)
class Typed:
    """What somebody wrote into the form."""

    what: str = ""
    """The action and its service, as `restart-service/backend`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    """Sent twice, one form is one proposal; a page that is opened anew proposes anew."""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Typed:
        given = {name: value.strip() for name, value in fields.items()}
        return cls(
            what=given.get("what", ""),
            settings={
                name.removeprefix(SETTING): value
                for name, value in given.items()
                if name.startswith(SETTING) and value
            },
            text=given.get("text", "").replace("\r\n", "\n"),
            key=given.get("key", ""),
        )


class NotProposed(Stop):
    """What was written is not taken, or not now."""

    def __init__(self, status: int, reason: str, typed: Typed, at: str = "what") -> None:
        super().__init__(status, reason)
        self.typed = typed
        self.at = at
        """The field that is wrong."""


@dataclass(frozen=True)
class Setting:
    """A field for how much of an action."""

    name: str
    used_by: Sequence[str]
    """What each action that has it says of it."""


@dataclass(frozen=True)
class Offer:
    """What may be chosen, and what was written before."""

    actions: Mapping[str, Sequence[str]]
    """Those that fit, by service; the incident's own service is first."""
    settings: Sequence[Setting]
    typed: Typed
    wrong: str = ""
    """Why it was not taken."""
    at: str = ""


def offer(
    state: IncidentState, configuration: Configuration, refused: NotProposed | None = None
) -> Offer | None:
    """What may be proposed to this incident; None while it takes no proposal, or can act on nothing."""
    if not (refused or _takes_proposals(state)):
        return None
    fitting = {one.name: _fitting(one) for one in _services(state.alert.service, configuration)}
    actions = {name: kinds for name, kinds in fitting.items() if kinds}
    if not actions:
        return None
    settings = _settings([kind for kind in PROPOSABLE if any(kind in kinds for kinds in actions.values())])
    if refused is None:
        return Offer(actions, settings, Typed())
    return Offer(actions, settings, refused.typed, refused.reason, refused.at)


def proposal_of(name: str, through: Through, fields: Mapping[str, str]) -> Proposal:
    """What this person proposes by the form. Raises NotProposed."""
    typed = Typed.of(fields)
    kind, _, service = typed.what.partition("/")
    if kind not in PROPOSABLE or not service:
        raise NotProposed(422, "choose an action", typed)
    given = {name: _value(text) for name, text in typed.settings.items()}
    _check_settings(kind, given, typed)
    if not typed.text:
        raise NotProposed(422, "say why in a few words, for the person who decides", typed, "text")
    if len(typed.text) > LONGEST_REASON:
        too_long = f"the reason has {len(typed.text)} characters: shorten it to {LONGEST_REASON}"
        raise NotProposed(422, too_long, typed, "text")
    try:
        return Proposal(
            by=name, through=through, text=KNOWN.hide(typed.text),
            action=kind, service=service, settings=given, key=typed.key,
        )  # fmt: skip
    except ValidationError as error:
        raise NotProposed(422, "choose an action of the list, or load the page again", typed) from error


def not_taken(proposal: Proposal, reason: str) -> NotProposed:
    """The incident's refusal of what came by the form."""
    settings = {name: str(value) for name, value in proposal.settings.items()}
    typed = Typed(f"{proposal.action}/{proposal.service}", settings, proposal.text, proposal.key)
    return NotProposed(409, reason, typed)


def _takes_proposals(state: IncidentState) -> bool:
    """Whether it is with a person, and nothing else is asked or begun."""
    busy = state.paused or state.outcome or state.awaiting or open_of(state.proposals)
    return state.phase is Phase.ESCALATED and not busy


def _services(name: str, configuration: Configuration) -> Sequence[Service]:
    """Its own, what it needs and what needs it: on these an incident may act."""
    own = configuration.services.get(name)
    if own is None:
        return ()
    return (own, *configuration.dependencies_of(name), *configuration.dependents_of(name))


def _fitting(service: Service) -> Sequence[str]:
    return [kind for kind, one in PROPOSABLE.items() if not one.unfit(service, one.settings())]


def _settings(kinds: Sequence[str]) -> Sequence[Setting]:
    named = dict.fromkeys(name for kind in kinds for name in PROPOSABLE[kind].settings.model_fields)
    return [
        Setting(name, [_says(kind, name) for kind in kinds if name in PROPOSABLE[kind].settings.model_fields])
        for name in named
    ]


def _says(kind: str, name: str) -> str:
    """`scale-out: how many run then; by default one more`."""
    return f"{kind}: {PROPOSABLE[kind].set_by.replace('`', '').removeprefix(f'{name}: ')}"


def _value(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else text


def _check_settings(kind: str, given: Mapping[str, int | str], typed: Typed) -> None:
    """Raises NotProposed for a setting that the action does not have, or that is out of bounds."""
    if unknown := next((name for name in given if name not in PROPOSABLE[kind].settings.model_fields), None):
        raise NotProposed(422, f"{kind} has no setting {unknown}: leave it empty", typed, SETTING + unknown)
    try:
        settings_of(kind, given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        at, why = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        reason = f"{at}: {why[:1].lower()}{why[1:]} ({_says(kind, at)})"
        raise NotProposed(422, reason, typed, SETTING + at) from error
