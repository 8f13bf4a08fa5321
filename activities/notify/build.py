"""Builds the channels of the configuration, once, when the worker starts."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping

import httpx
from apprise.plugins.base import NotifyBase
from pydantic import HttpUrl, TypeAdapter, ValidationError

from activities.notify.by_apprise import AppriseService, mailbox, service
from activities.notify.channel import (
    BoundedChannel,
    Channel,
    ChannelBusy,
    ChannelDown,
    ChannelUnset,
    ChannelUnsure,
    TimedChannel,
    UnsetChannel,
)
from activities.notify.discord import DiscordDirect, DiscordWebhook
from activities.notify.log import LogLine
from activities.notify.pagerduty import PagerDutyEvents
from activities.notify.slack import SlackWebhook
from activities.notify.slack_bot import SlackBot
from activities.slack.api import SlackApi
from activities.support.secrets import SecretMissing
from models.configuration.channels import (
    AppriseChannel,
    ChannelConfig,
    DiscordChannel,
    DiscordDirectChannel,
    EmailChannel,
    LogChannel,
    PagerDutyChannel,
    SlackBotChannel,
    SlackChannel,
    person_of,
)
from models.service.secret import SecretRef

ReadSecret = Callable[[SecretRef], str]
Personal = Callable[[Channel, str], Channel]
"""Given the channel and its person."""


class InvalidSecret(Exception):
    """The secret exists but is invalid. The text names its place, never its value."""


def build_channels(
    configured: Mapping[str, ChannelConfig],
    client: httpx.AsyncClient,
    read_secret: ReadSecret,
    personal: Personal | None = None,
) -> dict[str, TimedChannel]:
    """Every configured channel by its name. One without its secret reports that when used.

    `personal` adds what only the person of a channel may read.
    """
    _keep_addresses_out_of_the_log()
    _let_apprise_trust_the_same()
    return {name: _build(name, config, client, read_secret, personal) for name, config in configured.items()}


def _build(
    name: str,
    config: ChannelConfig,
    client: httpx.AsyncClient,
    read_secret: ReadSecret,
    personal: Personal | None,
) -> TimedChannel:
    try:
        channel = _of_kind(name, config, client, read_secret)
    except (SecretMissing, InvalidSecret) as error:
        return UnsetChannel(name, f"{name} has no address or key: {error}")
    late: type[ChannelDown] = ChannelUnsure
    if isinstance(channel, AppriseService):
        late = ChannelDown  # it cannot be stopped: it may still deliver what nobody waits for any longer
    elif isinstance(channel, SlackBot):
        late = ChannelBusy  # it looks whether it arrived
    if personal and (person := person_of(config)):
        channel = personal(channel, person)
    own_limits = config.routing_keys if isinstance(config, PagerDutyChannel) else ()
    return BoundedChannel(channel, config.severities, config.timeout, config.retry_for, late, own_limits)


def _of_kind(name: str, config: ChannelConfig, client: httpx.AsyncClient, read_secret: ReadSecret) -> Channel:
    channel: Channel
    match config:
        case SlackChannel():
            channel = SlackWebhook(name, client, _webhook(config.webhook, read_secret))
        case SlackBotChannel():
            api = SlackApi(client, config.api, read_secret(config.token))
            channel = SlackBot(name, api, config.channel, buttons=config.buttons)
        case DiscordChannel():
            channel = DiscordWebhook(name, client, _webhook(config.webhook, read_secret))
        case DiscordDirectChannel():
            channel = DiscordDirect(name, client, config.api, read_secret(config.token), config.user)
        case EmailChannel():
            channel = AppriseService(name, _apprise(config.url, read_secret, mailbox))
        case AppriseChannel():
            channel = AppriseService(name, _apprise(config.url, read_secret, service))
        case PagerDutyChannel():
            channel = _pagerduty(name, config, client, read_secret)
        case LogChannel():
            channel = LogLine(name)
    return channel


def _pagerduty(
    name: str, config: PagerDutyChannel, client: httpx.AsyncClient, read_secret: ReadSecret
) -> Channel:
    """Raises `SecretMissing` without the common key; without that of a role, its pages fail."""
    common = read_secret(config.routing_key)

    def key_of(role: str) -> str:
        own = config.routing_keys.get(role)
        try:
            return read_secret(own) if own else common
        except SecretMissing as missing:
            raise ChannelUnset(f"{name} has no key for {role}: {missing}") from None

    return PagerDutyEvents(name, client, config.url, key_of)


def _webhook(secret: SecretRef, read_secret: ReadSecret) -> str:
    """A webhook's address, validated when the worker starts."""
    address = read_secret(secret)
    try:
        TypeAdapter(HttpUrl).validate_python(address)
    except ValidationError:
        raise InvalidSecret(f"{secret} is not an http(s) address") from None  # the cause repeats the address
    return address


def _apprise(
    secret: SecretRef, read_secret: ReadSecret, understood: Callable[[str], NotifyBase | None]
) -> NotifyBase:
    found = understood(read_secret(secret))
    if found is None:
        raise InvalidSecret(f"{secret} is not a valid apprise address of this kind")
    return found


def _let_apprise_trust_the_same() -> None:
    """What it asks with knows this variable only."""
    if trusted := os.environ.get("SSL_CERT_FILE"):
        os.environ.setdefault("REQUESTS_CA_BUNDLE", trusted)


def _keep_addresses_out_of_the_log() -> None:
    """The clients log the addresses they call, at INFO and DEBUG: a webhook's address is a secret.

    apprise's own log is written nowhere; the reason in a receipt is taken from it.
    """
    for name in ("httpx", "httpcore", "urllib3", "requests"):
        logging.getLogger(name).setLevel(logging.WARNING)
    apprise_log = logging.getLogger("apprise")
    apprise_log.setLevel(logging.WARNING)
    apprise_log.propagate = False
    if not apprise_log.handlers:
        apprise_log.addHandler(logging.NullHandler())
