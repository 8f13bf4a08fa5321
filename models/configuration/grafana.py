"""Where Grafana's dashboards are kept, `checks.grafana`, and how incidents are marked there,
`systems.annotations`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from models.base import Configured
from models.service.addresses import WebAddress
from models.service.secret import SecretRef
from models.service.service import HostName

Tag = Annotated[str, Field(pattern=r"^[^\s:,\x00-\x1f]{1,50}$")]


class Annotations(Configured):
    """Each incident is marked in Grafana when it is over, from its beginning to its end."""

    token: SecretRef
    """Of a service account that may write annotations, and read them: the role Editor."""
    url: WebAddress | None = None
    """By default `systems.grafana`."""
    dashboard: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """The UID of the one dashboard that shows it; by default each that asks for its tags."""
    tags: tuple[Tag, ...] = Field(default=(), max_length=5)
    """More tags, beside `runbooks`, the alert, the service, the outcome and `run:ID`."""


class DashboardBackup(Configured):
    """The dashboards of one Grafana, written into a git repository."""

    url: WebAddress
    token: SecretRef
    """Of a service account that may see every dashboard: the role Viewer is enough."""
    repository: str = Field(min_length=1, max_length=1024)
    """The working tree of the repository; it must be there."""
    folder: str = Field(default="dashboards", min_length=1, max_length=200)
    """Under it, in the repository, the dashboards are kept: `FOLDER/UID.json`."""
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")
    remote: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    """A remote of the repository, such as `origin`, where commits are pushed; by default nowhere."""
    remote_token: SecretRef | None = None
    """For a remote that is reached by HTTPS."""
    remote_user: str = Field(default="git", pattern=r"^[^\s:\x00-\x1f]{1,100}$")
    author: str = Field(
        default="runbooks <runbooks@localhost>", pattern=r"^[^<>\x00-\x1f]+ <[^<>\s\x00-\x1f]+>$"
    )
    host: HostName | None = None
    """The machine whose worker has the repository; by default any worker does."""

    @field_validator("folder")
    @classmethod
    def _inside_the_repository(cls, value: str) -> str:
        parts = value.split("/")
        if any(part in ("", ".", "..", ".git") for part in parts) or not value.isprintable():
            raise ValueError("this is a folder inside the repository, such as dashboards or ops/dashboards")
        return value
