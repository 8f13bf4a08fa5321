"""Reads the signed links of messages, and the sessions of the browsers that used them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from itertools import chain

from activities.people.keys import SigningKeys
from activities.people.signatures import AHEAD
from activities.support.secrets import SecretMissing
from models.base import in_words
from models.configuration.channels import person_of
from models.configuration.configuration import Configuration
from models.messages import USE_LINK
from models.people.link import SESSION, SignedLink
from models.people.signature import key_name
from models.text import plain

__all__ = ["LinkRefused", "Links", "SecretMissing"]


def _people(configuration: Configuration) -> Collection[str]:
    """Who may decide as of now: the approvers; where none are listed, everybody who is named anywhere."""
    if configuration.approvals.approvers:
        return configuration.approvals.approvers
    intake = configuration.intake
    signed_in = [part.people.values() for part in (intake.proxy, intake.slack) if part]
    return {*intake.people, *map(person_of, configuration.channels.values()), *chain(*signed_in)} - {""}


class LinkRefused(Exception):
    """The link opens nothing; the text says why."""


class Links:
    """Verifies with every one of `approvals.keys`, and signs sessions with the newest."""

    def __init__(
        self,
        configuration: Callable[[], Configuration],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._configuration = configuration
        self._keys = SigningKeys(configuration)
        self._now = now

    def key(self) -> str:
        """The newest key. Raises SecretMissing."""
        return self._keys.newest()

    @property
    def lasts(self) -> timedelta:
        """How long a link is good, and a session."""
        return self._configuration().intake.link_lasts

    def read(self, text: str, incident: str, message: str = USE_LINK) -> tuple[SignedLink, str]:
        """A link to this incident, and the key that it is signed with; whether it was used is not known here.

        Raises LinkRefused.
        """
        link = SignedLink.of_text(text)
        if link is None:
            raise LinkRefused("this is not a whole link: copy all of it from the message")
        key = self._known().get(link.key)
        if key is None:
            raise LinkRefused("this link was signed with a key that is not in approvals.keys any more")
        if not link.statement(incident, message).sealed_with(key):
            raise LinkRefused("this link was changed, or is of another incident")
        lasts, age = self.lasts, self._now() - link.at
        if age > lasts:
            raise LinkRefused(
                f"this link was good for {in_words(lasts)}, until {link.at + lasts:%Y-%m-%d %H:%M:%S} UTC"
            )
        if age < -AHEAD:
            raise LinkRefused("this link is from the future: set the clocks of the worker and the intake")
        if link.by not in _people(self._configuration()):
            raise LinkRefused(f"this link is for {plain(link.by, 80)}, who may not decide any more")
        return link, key

    def session(self, link: SignedLink, incident: str) -> str:
        """The cookie of the browser that used this link. Raises SecretMissing."""
        key = self._keys.newest()
        fresh = {
            "at": self._now().replace(microsecond=0),
            "nonce": secrets.token_hex(12),
            "key": key_name(key),
        }
        return link.model_copy(update=fresh).sealed(key, incident, SESSION).as_text()

    def _known(self) -> dict[str, str]:
        try:
            return {key_name(key): key for key in self._keys.all()}
        except SecretMissing as error:
            raise LinkRefused(
                f"the intake has no key to verify a link with: {error}; see approvals.keys"
            ) from error
