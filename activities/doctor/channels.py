"""Whether each channel could send, and whether each role that is paged has one that reaches a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from activities.doctor.secrets import secrets_in, why_unusable
from activities.notify.build import build_channels
from activities.notify.channel import UnsetChannel
from activities.support.secrets import resolve
from models.configuration.channels import (
    PAGERDUTY_EVENTS,
    SLACK_API,
    ChannelConfig,
    DiscordChannel,
    DiscordDirectChannel,
    LogChannel,
    PagerDutyChannel,
    SlackBotChannel,
    SlackChannel,
)
from models.configuration.configuration import Configuration
from models.examined import Check, Kind

_INTEGRATION_KEY = re.compile(r"[A-Za-z0-9]{32}")
_OF_A_BOT = "xoxb-"
_SLACK = re.compile(r"/(services|workflows|triggers)/.+")
_DISCORD = re.compile(r"/api/(v\d+/)?webhooks/\d+/.+")
_DISCORD_HOSTS = ("discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com")
_SLACK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")


def check_channels(configuration: Configuration, http: httpx.AsyncClient) -> list[Check]:
    """One for each channel, and one for each role of the escalation."""
    why_not = {name: _why_not(name, one, http) for name, one in configuration.channels.items()}
    unusable = {name: why for name, why in why_not.items() if why}
    needed = dict(_needed(configuration, unusable))
    channels = [
        Check(
            name=f"channel {name}",
            ok=name not in unusable,
            problem=unusable.get(name, ""),
            cure=f"or correct channels.{name}" if name in unusable else "",
            kind=Kind.MISTAKE,
            optional=name not in needed,
        )
        for name in configuration.channels
    ]
    return [*channels, *_roles(configuration, unusable)]


def _why_not(name: str, channel: ChannelConfig, http: httpx.AsyncClient) -> str:
    """By the code that builds it for the worker, then by what its kind of secret looks like."""
    (built,) = build_channels({name: channel}, http, resolve).values()
    found = [why for _, ref in secrets_in(channel, "") if (why := why_unusable(ref))]
    if found:
        return found[0]
    if isinstance(built, UnsetChannel):
        return built.why
    return _misfit(channel)


def _misfit(channel: ChannelConfig) -> str:
    """A secret that is well-formed, and is not what this kind of channel takes."""
    match channel:
        case PagerDutyChannel() if channel.url == PAGERDUTY_EVENTS:
            fits = bool(_INTEGRATION_KEY.fullmatch(resolve(channel.routing_key)))
            form = "an integration key of Events API v2, which has 32 letters and digits"
            return "" if fits else f"{channel.routing_key} is not {form}"
        case SlackChannel() | DiscordChannel():
            return _of_webhook(channel)
        case DiscordDirectChannel() if resolve(channel.token).lower().startswith(("bot ", "bearer ")):
            return f"{channel.token} begins with the word that goes before a token: write the token alone"
        case SlackBotChannel() if channel.api == SLACK_API:
            fits = resolve(channel.token).startswith(_OF_A_BOT)
            form = f"a Bot User OAuth Token, which begins with {_OF_A_BOT}"
            return "" if fits else f"{channel.token} is not {form}"
    return ""


def _of_webhook(channel: SlackChannel | DiscordChannel) -> str:
    parts = urlsplit(resolve(channel.webhook))
    slack, discord = parts.hostname in _SLACK_HOSTS, parts.hostname in _DISCORD_HOSTS
    if isinstance(channel, SlackChannel):
        wrong, fits, other = discord, not slack or _SLACK.fullmatch(parts.path), "discord"
    else:
        wrong, fits, other = slack, not discord or _DISCORD.fullmatch(parts.path), "slack"
    if wrong:
        return f"{channel.webhook} is a webhook of another kind: write kind: {other}"
    return "" if fits else f"{channel.webhook} is not the whole address of a webhook: copy it again"


def _needed(configuration: Configuration, unusable: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Channels without which a role is reached by nobody, with the role."""
    for role in _paged(configuration):
        channels = configuration.contacts.get(role, ())
        if not any(_reaches(configuration, one, unusable) for one in channels):
            yield from ((one, role) for one in channels if one in unusable)


def _roles(configuration: Configuration, unusable: dict[str, str]) -> Iterator[Check]:
    if not configuration.escalation:
        cure = "write escalation, contacts and channels: see docs/configure.md"
        problem = "no escalation is configured, so nobody is paged"
        yield Check(name="escalation", ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE)
    for role in _paged(configuration):
        channels = configuration.contacts.get(role, ())
        reached = [one for one in channels if _reaches(configuration, one, unusable)]
        if reached:
            yield Check(name=f"contact {role}", ok=True)
            continue
        logged = [one for one in channels if one not in unusable]
        problem, cure = _nobody(role, channels, logged)
        optional = bool(logged)
        name = f"contact {role}"
        yield Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=optional)


def _nobody(role: str, channels: tuple[str, ...], logged: list[str]) -> tuple[str, str]:
    if logged:
        return "only a log would take its pages, and a log pages nobody", f"give contacts.{role} a channel"
    if not channels:
        return "it has no channel, so its pages reach nobody", f"write one into contacts.{role}"
    listed = ", ".join(channels)
    which = f"its only channel, {listed}, cannot send" if len(channels) == 1 else f"none of {listed} can send"
    return f"{which}, so its pages reach nobody", "set what the lines above name, or add another channel"


def _paged(configuration: Configuration) -> list[str]:
    """The roles that are paged, each once, in the order of the matrix."""
    rungs = [rung.role for row in configuration.escalation.values() for rung in row]
    return list(dict.fromkeys([*rungs, *configuration.specialists.values()]))


def _reaches(configuration: Configuration, name: str, unusable: dict[str, str]) -> bool:
    return name not in unusable and not isinstance(configuration.channels[name], LogChannel)
