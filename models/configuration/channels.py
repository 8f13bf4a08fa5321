"""The notification channels as `runbooks.yaml` describes them.

The address of a channel is a secret in itself (who knows it may write to `#alerts`), so every
address and key is named here by its variable or file, and never held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from models.base import Configured, Duration
from models.configuration.consistency import Mistake, unknown
from models.configuration.processes import IntakeSettings
from models.names import Severity
from models.service.addresses import WebAddress, WebPage
from models.service.secret import SecretRef

PAGERDUTY_EVENTS = "https://events.pagerduty.com/v2/enqueue"
SLACK_API = "https://slack.com/api"
DISCORD_API = "https://discord.com/api/v10"


class _Channel(Configured):
    severities: tuple[Severity, ...] = ()
    """It hears only of these; empty means of all."""
    timeout: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=1))] = timedelta(seconds=5)
    """How long one try may take, and how long the next channel of a role waits for this one."""
    retry_for: Annotated[Duration, Field(le=timedelta(minutes=5))] = timedelta(seconds=30)
    """How long it is tried again while it is rate-limited, fails or is not there."""


class _Personal(_Channel):
    person: str = ""
    """Who alone reads it: their pages and questions bring a signed link that opens the incident as them."""


class SlackChannel(_Personal):
    """A Slack channel, by the address of its incoming webhook."""

    kind: Literal["slack"] = "slack"
    webhook: SecretRef


class SlackBotChannel(_Channel):
    """A Slack channel, by a bot: one message an incident, edited as it goes on, with buttons; what happens
    stands in its thread."""

    kind: Literal["slack-bot"] = "slack-bot"
    token: SecretRef
    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{8,20}$")
    """The channel's ID (Slack: View channel details), which stays when it is renamed."""
    buttons: bool = True
    """Whether it asks by buttons; they need `intake.slack`."""
    api: WebAddress = SLACK_API


class DiscordChannel(_Channel):
    """A Discord channel, by the address of its webhook: the first message of an incident is edited as it goes
    on."""

    kind: Literal["discord"] = "discord"
    webhook: SecretRef


class DiscordDirectChannel(_Personal):
    """A direct message to one person on Discord, sent by a bot of the same server."""

    kind: Literal["discord-direct"] = "discord-direct"
    token: SecretRef
    user: str = Field(pattern=r"^[0-9]{1,20}$")
    """The person's numeric ID (Discord: Developer Mode, Copy User ID)."""
    api: WebAddress = DISCORD_API


class EmailChannel(_Personal):
    """E-mail, by an apprise address such as `mailtos://user:password@example.com?to=ops@example.com`."""

    kind: Literal["email"] = "email"
    url: SecretRef


class AppriseChannel(_Personal):
    """Whatever else apprise can reach, by its address."""

    kind: Literal["apprise"] = "apprise"
    url: SecretRef


class PagerDutyChannel(_Channel):
    """A PagerDuty service, by the integration key of its Events API v2 integration."""

    kind: Literal["pagerduty"] = "pagerduty"
    routing_key: SecretRef
    routing_keys: dict[str, SecretRef] = {}
    """Of roles that a service of their own wakes, by role; the others are paged by `routing_key`."""
    url: WebPage = PAGERDUTY_EVENTS
    """Another address for PagerDuty's European region, or for what speaks the same protocol."""


class LogChannel(_Channel):
    """The worker's own log: a channel that needs nothing, for a first try and as a last resort."""

    kind: Literal["log"] = "log"


ChannelConfig = Annotated[
    SlackChannel
    | SlackBotChannel
    | DiscordChannel
    | DiscordDirectChannel
    | EmailChannel
    | AppriseChannel
    | PagerDutyChannel
    | LogChannel,
    Field(discriminator="kind"),
]


EDITED = (SlackBotChannel, DiscordChannel)
"""Channels that edit the message of an incident as it goes on."""


def person_of(channel: ChannelConfig | None) -> str:
    """Who alone reads it; empty where it has more readers."""
    return channel.person if isinstance(channel, _Personal) else ""


def mistakes_of_people(
    channels: Mapping[str, ChannelConfig],
    broadcast: Collection[str],
    approvers: Collection[str],
    intake: IntakeSettings,
) -> Iterator[Mistake]:
    """A link that signs somebody in must reach nobody else, lead somewhere, and be good for something."""
    for name, channel in channels.items():
        yield from _mistakes_of_buttons(name, channel, intake)
        if not (person := person_of(channel)):
            continue
        place = ("channels", name, "person")
        if name in broadcast:
            yield Mistake(place, f"{name} is in `broadcast`: a link for one person has one reader")
        if approvers and person not in approvers:
            known = "add the name to approvals.approvers, or leave it out"
            yield Mistake(place, f"{person!r} may not decide: {known}")
        if not intake.public_url:
            yield Mistake(place, "the link leads to the intake: set intake.public_url")
    yield from _mistakes_of_programs(approvers, intake)
    people = {*approvers, *intake.people}
    named = {"proxy": intake.proxy, "slack": intake.slack}
    for part, of in named.items() if people else ():
        for said, person in of.people.items() if of else ():
            yield from unknown(("intake", part, "people", said), "person", person, people)


def _mistakes_of_programs(approvers: Collection[str], intake: IntakeSettings) -> Iterator[Mistake]:
    """What a program proposes is shown under its name, which must be nobody's who decides."""
    people = {name.casefold() for name in (*approvers, *intake.people)}
    for name, token in intake.programs.items():
        if name.casefold() in people:
            why = f"{name!r} is a person's name: a program has its own, and approves nothing"
            yield Mistake(("intake", "programs", name), why)
        if token in (intake.token, *intake.people.values()):
            yield Mistake(("intake", "programs", name), "this is another's token: a program has its own")


def _mistakes_of_buttons(name: str, channel: ChannelConfig, intake: IntakeSettings) -> Iterator[Mistake]:
    if isinstance(channel, SlackBotChannel) and channel.buttons and intake.slack is None:
        why = f"{name} asks by buttons, which do nothing: write intake.slack, or `buttons: false` here"
        yield Mistake(("channels", name, "buttons"), why)
