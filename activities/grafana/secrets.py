"""Takes what looks like a secret out of a dashboard, before it goes into a repository for ever.

Queries stay as they are: a label may be called `token`. What is hidden is the value of a key that names a
secret, of a header or parameter that does, a variable's that does, and what stands in addresses; these rules
are the dashboards' own, for a reference to a variable is no secret. What has the shape of a key, and what
this process has read as a secret, is hidden as everywhere else.
"""

from __future__ import annotations

import re
from typing import Any

from models.redaction.known import KNOWN
from models.redaction.shapes import REDACTED, hide_shapes

_NAMES = (
    *(
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "secretkey",
    ),
    *("authorization", "credential", "credentials", "cookie", "connectionstring", "clientsecret", "dsn"),
)
_PLAIN_NAMES = re.compile(r"[^a-z0-9]+")
_VARIABLE = re.compile(r"\$\w+|\$\{[^}]+\}|\[\[[^\]]+\]\]|%%[^%]+%%")
_ALL_HIDDEN = "securejsondata"
_TYPED = ("constant", "textbox", "custom")
"""Variables whose value stands in the dashboard itself."""

_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (
            r"(://)(?!\$)[^\s/?#@\"'<>:]{0,200}:(?!\d{1,5}(?:[/?#\s]|$))[^\s/?#@\"'<>]{1,200}@",
            rf"\1{REDACTED}@",
        ),
        (r"(://)[A-Za-z0-9_-]{16,200}@", rf"\1{REDACTED}@"),
        (
            r"([?&](?:[\w-]{0,40}(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|signature)|key|sig|auth)=)"
            r"(?!\$|%24|\[\[)[^&#\s\"'<>]+",
            rf"\1{REDACTED}",
        ),
        (r"\b(bearer|basic)\s+(?!\$)(?=\S*[\d._=+/-]|\S{20})[A-Za-z0-9._~+/=-]{8,}", rf"\1 {REDACTED}"),
        (r"(hooks\.slack\.com/(?:services|workflows)/)[\w/-]+", rf"\1{REDACTED}"),
        (r"(discord(?:app)?\.com/api/webhooks/)[\w/-]+", rf"\1{REDACTED}"),
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*", REDACTED),
    )
)


def without_secrets(value: Any) -> Any:
    """The same JSON value, with `[redacted]` in place of each secret."""
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return [without_secrets(one) for one in value]
    return _text(value) if isinstance(value, str) else value


def hidden_in(text: str) -> int:
    """How many secrets were taken out of what is written as text."""
    return text.count(REDACTED)


def _object(value: dict[str, Any]) -> dict[str, Any]:
    if _is_secret(_said(value, "name", "key")) and "value" in value:
        value = {**value, "value": _hide(value["value"])}
    if _is_secret(_said(value, "name")) and value.get("type") in _TYPED:
        value = {
            key: _hide(one) if key in ("query", "current", "options") else one for key, one in value.items()
        }
    return {
        key: _hide(one)
        if _plain(key) == _ALL_HIDDEN or (_is_secret(key) and isinstance(one, str))
        else without_secrets(one)
        for key, one in value.items()
    }


def _said(value: dict[str, Any], *keys: str) -> str:
    return next((value[key] for key in keys if isinstance(value.get(key), str)), "")


def _hide(value: Any) -> Any:
    """Every text in it, but for a reference to a variable."""
    if isinstance(value, dict):
        return {key: _hide(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_hide(one) for one in value]
    if isinstance(value, str) and value and not _VARIABLE.fullmatch(value):
        return REDACTED
    return value


def _is_secret(name: str) -> bool:
    return _plain(name).endswith(_NAMES)


def _plain(name: str) -> str:
    return _PLAIN_NAMES.sub("", name.lower())


def _text(text: str) -> str:
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return KNOWN.hide(hide_shapes(text))
