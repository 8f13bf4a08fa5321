"""Addresses in the configuration, validated before anything connects to them.

No error repeats the address: it may hold a secret.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator

from models.redaction.redact import redact_named

_NO_WEB_ADDRESS = "this is not a web address: write it like http://localhost:9093"
_LISTENER = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")
_LAST_PORT = 65535


def web_address(value: str) -> str:
    """The address, unchanged. Raises ValueError for one that cannot be reached as it is written."""
    parts = _split(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not value.isprintable():
        raise ValueError(_NO_WEB_ADDRESS)
    if "@" in parts.netloc:
        raise ValueError("an address must not hold a user or password: remove them")
    try:
        has_port = parts.port != 0
    except ValueError:
        has_port = False
    if not has_port:
        raise ValueError(f"port must be 1 to {_LAST_PORT}; or leave it out")
    return value


def base_address(value: str) -> str:
    """A web address that paths are added to, so that a query or a fragment would swallow them."""
    if "?" in web_address(value) or "#" in value:
        cure = (
            "remove ? or # and what follows; a secret goes into the `token` of this system if it has one, "
            "else let a proxy in front of it add the header"
        )
        raise ValueError(f"a base address must not hold a query or fragment: {cure}")
    return value


def link_address(value: str) -> str:
    """A web address that is shown to everybody as it is written: it may have a query, but no secret."""
    parts = _split(web_address(value))
    pairs = parse_qsl(f"{parts.query}&{parts.fragment}", keep_blank_values=True)
    if any(redact_named(name, given) != given for name, given in pairs):
        cure = "remove it, and let people log in where it leads"
        raise ValueError(f"this link would show a secret (a parameter such as token or sig): {cure}")
    return value


def listening_address(value: str) -> str:
    """An address to listen on: an IP address and a port, because the metrics exporter takes no host name."""
    match = _LISTENER.fullmatch(value)
    if match is None or int(match[3]) > _LAST_PORT or not _is_ip(match[1] or match[2]):
        cure = f"write an IP address and a port up to {_LAST_PORT}, such as 127.0.0.1:9464"
        raise ValueError(f"this is not an address to listen on: {cure}")
    return value


def _split(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError(_NO_WEB_ADDRESS) from None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _base_address_or_none(value: str) -> str:
    return base_address(value) if value else value


def _without_slash(value: str) -> str:
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(base_address), AfterValidator(_without_slash)]
"""A base URL, without a trailing slash."""
OptionalWebAddress = Annotated[str, AfterValidator(_base_address_or_none), AfterValidator(_without_slash)]
"""A base URL without a trailing slash, or empty."""
WebPage = Annotated[str, AfterValidator(web_address)]
"""A URL that is requested exactly as it is written. Its query may hold a secret, and is not shown."""
WebLink = Annotated[str, AfterValidator(link_address)]
"""A URL that people follow, and that messages and reviews show as it is written."""
ListeningAddress = Annotated[str, AfterValidator(listening_address)]
