"""What the intake needs of Slack beside the request itself: its secret, and the way back to who pressed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import unquote

import httpx
import structlog

from activities.notify.wording import for_slack
from activities.support.http import NoAnswer, Outgoing, send
from activities.support.secrets import SecretMissing, resolve
from models.configuration.processes import SlackButtons
from models.text import plain

_WITHIN = timedelta(seconds=10)
_TRIES = 3
_PORTS = {"https": 443, "http": 80}

logger = structlog.get_logger("intake")


class NoSecret(Exception):
    """The signing secret cannot be read. The text says where it should be."""


async def signing_secret(settings: SlackButtons) -> str:
    """As it is now: a new one counts at once. Raises `NoSecret`."""
    try:
        return await asyncio.to_thread(resolve, settings.signing_secret)
    except SecretMissing as missing:
        raise NoSecret(str(missing)) from missing


async def tell_in_private(http: httpx.AsyncClient, settings: SlackButtons, address: str, said: str) -> None:
    """To who pressed alone. Nothing is sent elsewhere than to Slack, whatever the request names."""
    if not is_below(address, settings.answers):
        logger.warning("an answer on Slack could not be given: its address is not Slack's")
        return
    text = for_slack(plain(said, 1000))
    body = {"response_type": "ephemeral", "replace_original": False, "text": text}
    why = ""
    for again in range(_TRIES):
        if again:
            await asyncio.sleep(1)  # between tries that are counted
        try:
            answer = await send(http, Outgoing(address, method="POST", json=body), within=_WITHIN, limit=4096)
        except NoAnswer as error:
            why = str(error.fault)  # its sentence has the address, which is a secret
            continue
        if answer.good:
            return
        why = f"answered {answer.status}"
    logger.warning("an answer on Slack did not arrive", reason=why)


def is_below(address: str, base: str) -> bool:
    """Whether an address is at this host and port, and below the path of the base, segment by segment."""
    one, other = _parsed(address), _parsed(base)
    if one is None or other is None or one[:3] != other[:3]:
        return False
    path, wanted = one[3], other[3]
    return path[: len(wanted)] == wanted and len(path) > len(wanted)


def _parsed(address: str) -> tuple[str, str, int, tuple[str, ...]] | None:
    """Scheme, host, port and the segments of the path, as the client that asks reads them; None for what
    nobody writes in good faith."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return None
    if url.scheme not in _PORTS or not url.host or url.userinfo:
        return None
    path = url.raw_path.decode("ascii").partition("?")[0].removeprefix("/")
    segments = tuple(unquote(one) for one in path.split("/")) if path else ()
    if any(one in ("", ".", "..") or {"/", "\\"} & set(one) for one in segments):
        return None
    return url.scheme, url.host, _PORTS[url.scheme] if url.port is None else url.port, segments
