"""What a system behind a password, a header or a private CA asks of those who ask it: `systems.access`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from models.base import Configured
from models.service.secret import SecretRef

_OUR_OWN = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "upgrade"}
)
_HEADER = StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")


def _may_be_set(name: str) -> str:
    if name.lower() in _OUR_OWN:
        raise ValueError("this header is the client's own: remove it")
    return name


Header = Annotated[str, _HEADER, AfterValidator(_may_be_set)]


class BasicAuth(Configured):
    """A user and where their password is."""

    username: str = Field(pattern=r"^[^:\x00-\x1f]{1,200}$")
    password: SecretRef


class Access(Configured):
    """How one system is asked. It is used for nothing but the address it stands under."""

    headers: dict[Header, SecretRef] = Field(default_factory=dict)
    """Such as `X-Scope-OrgID`, and where the value is."""
    basic_auth: BasicAuth | None = None
    ca_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """PEM certificates. They alone vouch for this system, in place of the usual ones."""

    @model_validator(mode="after")
    def _says_something_once(self) -> Access:
        if not (self.headers or self.basic_auth or self.ca_file):
            raise ValueError("write headers, basic_auth or ca_file")
        if self.basic_auth and any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("basic_auth is the header Authorization: remove one of them")
        return self
