"""The keys by which a person's word is signed: from the configuration, or one that is made at first start."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from activities.support.regular_files import private_directory
from activities.support.secrets import SecretMissing, resolve
from activities.support.whole_files import write_once
from models.configuration.configuration import Configuration
from models.incident.policy import ApprovalPolicy
from models.service.secret import SecretRef

FILE = "keys/signing-key"
"""Its name in the directory of the state, unless `approvals.keys` names others."""
SHORTEST = 32
FOR_GROUP = 0o640
"""The intake may be another user of the worker's group."""


class SigningKeys:
    """Reads the keys each time they are needed: a new one counts at once."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration

    def policy(self) -> ApprovalPolicy:
        """What the configuration asks of who says something."""
        return self._configuration().approvals

    def newest(self) -> str:
        """The key that signs. Raises SecretMissing."""
        return self.read(self.refs()[0])

    def all(self) -> tuple[str, ...]:
        """Every key that can be read; each verifies. Raises SecretMissing when none can."""
        found: list[str] = []
        for ref in self.refs():
            with suppress(SecretMissing):
                found.append(self.read(ref))
        return tuple(found) or (self.newest(),)

    def make_if_missing(self) -> Path | None:
        """Make a key for this machine, where the configuration names none; its file, if it was made now.

        Raises OSError.
        """
        path = Path(self._configuration().directories.state) / FILE
        if self._configuration().approvals.keys or path.exists():
            return None
        private_directory(path.parent)
        # Another worker may be faster: then its key is the one.
        return path if write_once(path, f"{secrets.token_hex(32)}\n", FOR_GROUP) else None

    def refs(self) -> tuple[SecretRef, ...]:
        """Where they are, the newest first."""
        now = self._configuration()
        return now.approvals.keys or (SecretRef(file=str(Path(now.directories.state) / FILE)),)

    def read(self, ref: SecretRef) -> str:
        """One of them. Raises SecretMissing, also for one that could be guessed."""
        key = resolve(ref)
        if len(key) < SHORTEST:
            raise SecretMissing(
                f"the signing key in {ref} is too short: it needs {SHORTEST} characters, "
                "as `openssl rand -hex 32` prints them"
            )
        return key
