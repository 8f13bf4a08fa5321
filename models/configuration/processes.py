"""Settings of the worker and the intake, and the addresses of the monitoring systems."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from models.base import Configured, Interval, Size
from models.configuration.access import Access
from models.configuration.grafana import Annotations
from models.names import AlertName
from models.service.addresses import ListeningAddress, WebAddress
from models.service.secret import SecretRef

SLACK_HOOKS = "https://hooks.slack.com"


class Systems(Configured):
    """The addresses of the monitoring systems, and how systems are asked."""

    alertmanager: WebAddress | None = None
    prometheus: WebAddress | None = None
    grafana: WebAddress | None = None
    sentry: WebAddress | None = None
    annotations: Annotations | None = None
    """Without it nothing is written to Grafana."""
    access: dict[WebAddress, Access] = Field(default_factory=dict)
    """What is needed to ask whatever begins with this address."""

    @model_validator(mode="after")
    def _grafana_is_somewhere(self) -> Systems:
        if self.annotations and not (self.annotations.url or self.grafana):
            raise ValueError("annotations need the address of Grafana: set systems.grafana")
        return self


class SlackButtons(Configured):
    """What the intake needs for the buttons on Slack."""

    signing_secret: SecretRef
    """The Signing Secret of the app, by which Slack signs what it sends."""
    people: dict[Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{6,20}$")], str] = Field(
        default_factory=dict
    )
    """Who may press a button: the member ID on Slack, and the name, as in `approvals.approvers`."""
    answers: WebAddress = SLACK_HOOKS
    """Where who pressed is answered: nothing is sent to any other host."""


def _network(value: str) -> str:
    network = ip_network(value)
    if network.prefixlen == 0:
        raise ValueError("name the addresses of the proxy: this is everybody's")
    return str(network)


class TrustedProxy(Configured):
    """A proxy in front of the intake that signs people in, and names them in a header of each request."""

    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(min_length=1)
    """From where the header counts: `10.0.0.5`, or `10.0.1.0/24`."""
    header: str = Field(default="X-Forwarded-User", pattern=r"^(?i:x|remote|cf|auth)-[A-Za-z0-9-]{1,60}$")
    people: dict[str, str] = Field(min_length=1)
    """What the header says, to the name of the person."""


def _without_path(value: str) -> str:
    if path := urlsplit(value).path:
        raise ValueError(f"leave out {path}: the links of the intake's views begin at the root of their host")
    return value


class IntakeSettings(Configured):
    """Settings of the HTTP server."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    token: SecretRef | None = None
    """The bearer token; `RUNBOOKS_INTAKE_TOKEN_FILE` names its file and wins."""
    people: dict[str, SecretRef] = Field(default_factory=dict)
    """Who may decide over HTTP: a name, as in `approvals.approvers`, and where their token is."""
    programs: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,79}$")], SecretRef
    ] = Field(default_factory=dict)
    """Which programs may read and propose a plan, which a person then approves or denies: a name that is no
    person's, and where its token is."""
    slack: SlackButtons | None = None
    """Without it the buttons on Slack do nothing."""
    max_body: Size = Field(default=4 * 2**20, ge=1024, le=64 * 2**20)
    public_url: Annotated[WebAddress, AfterValidator(_without_path)] | None = None
    """How people reach the intake, for the links in messages."""
    proxy: TrustedProxy | None = None
    """Without it no header signs anybody in."""
    link_lasts: Annotated[Interval, Field(le=timedelta(hours=12))] = timedelta(minutes=30)
    """How long a signed link in a message is good, and then the session of who used it."""


class TemporalLinks(Configured):
    """For links only; the connection itself is configured by the SDK's own variables and `temporal.toml`."""

    ui: WebAddress | None = None


class Unreplayable(StrEnum):
    """What a worker does at its start when open runs would not go on with its code."""

    REFUSE_UNLESS_ALONE = "refuse-unless-alone"
    """Others go on with them; a worker that is alone starts for new alerts, and tells a person at once."""
    REFUSE = "refuse"
    START = "start"
    """It starts, and tells a person at once."""


class WorkerSettings(Configured):
    """Settings of a worker."""

    metrics: ListeningAddress | None = None
    """Where Prometheus may scrape the worker's metrics, such as `127.0.0.1:9464`; off by default."""
    unreplayable: Unreplayable = Unreplayable.REFUSE_UNLESS_ALONE
    """Whether it starts although its code does not replay what is open."""


class Heartbeat(Configured):
    """An alert that fires as long as a worker works; its end is noticed by who watches from outside."""

    alert: AlertName = "RunbooksHeartbeat"
    every: Interval = timedelta(minutes=1)
    """It is renewed this often."""
    lasts: Interval = timedelta(minutes=5)
    """Not renewed for so long, it is over."""
    labels: dict[str, str] = Field(default_factory=dict)
    """More labels, for the route in Alertmanager."""

    @model_validator(mode="after")
    def _outlasts_a_lost_one(self) -> Heartbeat:
        if self.lasts < 2 * self.every:
            raise ValueError("lasts must be at least twice `every`: one that is lost must not end it")
        return self


class Directories(Configured):
    """Where files are kept; relative paths start at the working directory."""

    state: str = Field(default="var", min_length=1)
    reviews: str = Field(default="var/reviews", min_length=1)
    checks: str | None = Field(default=None, min_length=1)
    """The reports of the checks; by default `checks` beside the reviews."""
