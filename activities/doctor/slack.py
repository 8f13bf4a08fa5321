"""Whether each bot on Slack may do what the product does with it, asked of Slack itself; it writes nothing.

`auth.test` tells the scopes of a token in the header `x-oauth-scopes`; `conversations.info` whether the bot
is in the channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

from activities.doctor.secrets import why_unusable
from activities.slack.api import SlackApi, SlackError, SlackRefused
from activities.support.secrets import resolve
from models.configuration.channels import SlackBotChannel
from models.examined import Check, Kind

_WRITE = "chat:write"
_WRITE_ANYWHERE = "chat:write.public"
"""Writes in public channels without being in them, and reads none of them."""


async def check_slack_bot(name: str, channel: SlackBotChannel, http: httpx.AsyncClient) -> list[Check]:
    """None where its token cannot be used: that is named with its channel."""
    if why_unusable(channel.token):
        return []
    api, found = SlackApi(http, channel.api, resolve(channel.token)), list[Check]()
    called = f"Slack bot of {name}"
    try:
        scopes = await api.scopes()
        found += _of_scopes(called, {_WRITE} - scopes)
        info = (await api.read("conversations.info", channel=channel.channel)).get("channel")
        found += _of_channel(called, channel.channel, info if isinstance(info, dict) else {}, scopes)
    except SlackRefused as refused:
        found.append(_not_seen(called, channel, refused))
    except SlackError as error:
        problem = f"Slack could not be asked: {error}"
        cure = "look whether this machine reaches Slack"
        found.append(Check(name=called, ok=False, problem=problem, cure=cure, optional=True))
    return found or [Check(name=called, ok=True)]


def _of_channel(called: str, place: str, info: dict[str, Any], scopes: frozenset[str]) -> Iterator[Check]:
    """An instant message has no members to be one of."""
    if not (info.get("is_im") or info.get("is_member")):
        problem, cure = f"the bot is not in the channel {place}", "invite it there: /invite @its-name"
        writes = _WRITE_ANYWHERE in scopes and not info.get("is_private")
        yield Check(name=called, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=writes)
    if info.get("is_archived"):
        problem, cure = f"the channel {place} is archived", "name another channel"
        yield Check(name=called, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE)
    private = info.get("is_private") or info.get("is_group")
    kind = "im" if info.get("is_im") else "groups" if private else "channels"
    yield from _of_scopes(called, {f"{kind}:history"} - scopes)


def _of_scopes(called: str, missing: set[str]) -> Iterator[Check]:
    """Without the history, what may have arrived is not looked for, and arrives twice at worst."""
    if missing:
        yield Check(
            name=called,
            ok=False,
            problem=f"its app lacks the scope {', '.join(sorted(missing))}",
            cure="add it under OAuth & Permissions, Bot Token Scopes, and install the app again",
            kind=Kind.MISTAKE,
            optional=_WRITE not in missing,
        )


def _not_seen(called: str, channel: SlackBotChannel, refused: SlackRefused) -> Check:
    if refused.code == "missing_scope":
        of_channel = "channels:read, or groups:read for a private channel"
        problem = f"its app lacks the scope {'im:read' if channel.channel.startswith('D') else of_channel}"
        cure = "add it under OAuth & Permissions, Bot Token Scopes, and install the app again"
        return Check(name=called, ok=False, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=True)
    problem = f"{refused} ({channel.channel})"
    return Check(name=called, ok=False, problem=problem, kind=Kind.MISTAKE)
