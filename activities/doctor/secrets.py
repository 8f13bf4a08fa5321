"""Every secret that the configuration names: it is there, and looks like one that was not mistyped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from activities.support.secrets import SecretMissing, resolve
from models.configuration.configuration import Configuration
from models.examined import Check, Kind
from models.service.secret import SecretRef

_QUOTES = ("'", '"', "`", "\u2018", "\u2019", "\u201c", "\u201d")
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "todo", "xxx", "your-", "your_", "replace")


def check_secrets(configuration: Configuration, host: str | None) -> list[Check]:
    """Those that the activities of this host read. Channels and databases are checked with what uses them."""
    found: list[Check] = []
    for name, service in configuration.services.items():
        if service.host == host:
            others = service.model_copy(update={"database": None})
            found += [check_secret(place, ref) for place, ref in secrets_in(others, f"services.{name}")]
    if host is None:
        found += [check_secret(place, ref) for place, ref in secrets_in(configuration.systems, "systems")]
    return found


def check_secret(place: str, ref: SecretRef) -> Check:
    """An unset variable leaves out what needs it. A file that is named and not there is a mistake."""
    problem = why_unusable(ref)
    cure = f"correct {ref}, or {place}" if problem else ""
    unset = ref.env is not None and _missing(ref)
    name = f"secret {place}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, kind=Kind.MISTAKE, optional=unset)


def why_unusable(ref: SecretRef) -> str:
    """What is wrong with it, never repeating any of it; empty when nothing is seen to be wrong."""
    try:
        value = resolve(ref)
    except SecretMissing as missing:
        return str(missing)
    return malformed(value, str(ref))


def malformed(value: str, place: str) -> str:
    """What editors, shells and templates leave in a secret."""
    if value[:1] in _QUOTES or value[-1:] in _QUOTES:
        return f"{place} has quotes around it that are taken for a part of it: remove them"
    if not value.isprintable():
        return f"{place} holds a line end or a control character: write one line of text"
    bare = value.lower()
    if bare.startswith(_PLACEHOLDERS) or (value.startswith("<") and value.endswith(">")):
        return f"{place} still holds a placeholder: write the secret into it"
    return ""


def secrets_in(value: Any, place: str) -> Iterator[tuple[str, SecretRef]]:
    """Every secret below a part of the configuration, with its key."""
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, BaseModel):
        for key, inner in value:
            yield from secrets_in(inner, f"{place}.{key}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in(inner, f"{place}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for n, inner in enumerate(value):
            yield from secrets_in(inner, f"{place}.{n}")


def _missing(ref: SecretRef) -> bool:
    try:
        resolve(ref)
    except SecretMissing:
        return True
    return False
