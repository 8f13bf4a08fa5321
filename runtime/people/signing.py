"""Signs what a person says, for the intake and the command line."""

from __future__ import annotations

import os
import pwd
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from activities.people.keys import SigningKeys
from models.configuration.configuration import Configuration
from models.incident.incident import Spoken
from models.people.signature import Signature, key_name

S = TypeVar("S", bound=Spoken)


class Signer:
    """Signs with the newest key of the configuration in force."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._keys = SigningKeys(configuration)

    @property
    def raw_will_do(self) -> bool:
        """Whether, without a key, what is said may go out raw: nothing is asked of who says it."""
        approvals = self._configuration().approvals
        return approvals.temporal_ui and not approvals.approvers

    @property
    def raw_counts(self) -> bool:
        """Whether what nobody signed counts."""
        return self._configuration().approvals.temporal_ui

    def signed(self, words: S, message: str, incident: str, run: str, nonce: str = "") -> S:
        """The same under a signature, for this incident alone. Raises SecretMissing.

        What has one `nonce` counts once; by default each word has its own.
        """
        key = self._keys.newest()
        words = type(words).model_validate(words.model_dump())  # as who verifies it reads it
        unsealed = Signature(
            key=key_name(key),
            run=run,
            host=socket.gethostname(),
            at=datetime.now(UTC),
            nonce=nonce or secrets.token_hex(12),
        )
        seal = words.statement(incident, message, unsealed).seal(key)
        return words.model_copy(update={"signature": unsealed.model_copy(update={"seal": seal})})


def user_of_this_machine() -> str:
    """Who the operating system says that types; no variable of the environment changes it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
