"""How people are reached: the shapes of the channels in `runbooks.yaml`.

Addresses of webhooks are secrets, so each is named by its variable or file. A channel whose
secret is not there is left out, and says so when the worker starts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Configured
from models.service import SecretRef


class LogChannel(Configured):
    """Writes to the worker's own log: needs nothing, and is always there."""

    kind: Literal["log"] = "log"


class SlackChannel(Configured):
    """An incoming webhook of Slack."""

    kind: Literal["slack"] = "slack"
    webhook: SecretRef


ChannelConfig = Annotated[LogChannel | SlackChannel, Field(discriminator="kind")]
