"""Who types, and the key with which the word of who types is signed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from activities.people.keys import SigningKeys
from activities.support.secrets import SecretMissing
from console.output import Refused, err, safe
from models.incident.incident import Through
from models.incident.order import NotTaken, OrderSaid
from models.text import plain
from runtime import settings
from runtime.people.signing import Signer, user_of_this_machine


def signer(config: Path | None = None) -> Signer | None:
    """Signs as the user of this machine; None, and a line, without a key: what is said is raw then."""
    try:
        configuration = settings.load(settings.path_of(config))
        SigningKeys(lambda: configuration).newest()
    except (settings.ConfigurationError, SecretMissing) as error:
        why = str(error).splitlines()[0]
        err.print(f"[yellow]Not signed, so it counts as the word of nobody: {safe(why)}[/yellow]")
        return None
    return Signer(lambda: configuration)


def typist(by: str) -> tuple[str, str]:
    """The user that the operating system knows, and how they want to be called, if otherwise."""
    user, name = user_of_this_machine(), plain(by.strip(), 100)
    return user, "" if name == user else name


def word(by: str) -> OrderSaid:
    """Of who types; `by` only says how they want to be called."""
    user, name = typist(by)
    return OrderSaid(by=user, says_to_be=name, through=Through.COMMAND)


def refuse_not_taken(key: str, not_taken: Iterable[NotTaken]) -> None:
    """Raises Refused where the order with this key did not count."""
    for one in not_taken:
        if one.key == key:
            raise Refused(f"{one.what} did not count: {one.why}")
