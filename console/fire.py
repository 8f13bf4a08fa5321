"""`fire`: start an incident by hand, as if Alertmanager had sent the alert."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console.output import AsJson, By, Unusable, as_json, out, run, somebody, typed
from console.shell.completing import alerts, services
from console.shell.examples import examples
from intake.alerts.dispatch import Dispatch
from intake.alerts.payload import MAX_LABEL
from intake.alerts.routing import routed
from models.configuration.configuration import Configuration
from models.configuration.known_services import known
from models.incident.alert import Alert
from models.names import RESERVED, Severity
from models.redaction.redact import redact_named
from runtime import settings
from runtime.connection import connect
from runtime.errors import Unfit

MOST_LABELS = 64

app = typer.Typer()
Config = Annotated[
    Path | None, typer.Option("--config", help="The configuration file.", show_default="runbooks.yaml")
]


@app.command(
    epilog=examples(
        "fire ServiceDown --service backend",
        "fire ServiceDown --service backend --label zone=a --dry-run",
    )
)
def fire(
    alert: Annotated[
        str, typer.Argument(help="The alert's name, such as ServiceDown.", autocompletion=alerts)
    ],
    service: Annotated[
        str,
        typer.Option(
            "--service", help="The service, as the configuration names it.", autocompletion=services
        ),
    ],
    label: Annotated[
        list[str] | None, typer.Option("--label", help="A label, key=value; may be repeated.", callback=typed)
    ] = None,
    severity: Annotated[
        Severity | None, typer.Option("--severity", help="The severity; by default as configured.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only record what would be done; people are told for real.")
    ] = False,
    by: By = "",
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Fire an alert by hand: start its incident, or signal the one that is open."""

    async def work() -> None:
        configuration = settings.load(settings.path_of(config))
        labels = _labels(label or []) | ({"severity": severity.value} if severity else {})
        fired = _alert(alert, service, labels, by=somebody(by), configuration=configuration)
        fired = fired.model_copy(update={"dry_run": dry_run})
        one = routed(fired, configuration)
        client = await connect()
        (taken,) = await Dispatch(lambda: client).take(fired.incident_id, [one])
        if isinstance(taken, Unfit):
            raise taken
        if json:
            as_json({"incident": fired.incident_id, "runbook": one.runbook, "taken": taken.value})
        else:
            out.print(f"{fired.incident_id}: {taken.value} ({one.runbook}, {one.severity.value})")

    run(work())


def _alert(
    name: str, service: str, labels: dict[str, str], *, by: str, configuration: Configuration
) -> Alert:
    """The alert, with a service that exists: a typo must not start an incident."""
    known(service, configuration)
    if name in RESERVED:
        raise Unusable(f"{name!r} cannot be an alert's name: the product's own workflows use it")
    try:
        return Alert(
            name=name,
            service=service,
            starts_at=datetime.now(UTC),
            labels=labels | {"alertname": name, "service": service},
            source="command line",
            fired_by=by,
        )
    except ValueError:
        raise Unusable(f"{name!r} cannot be an alert's name: letters, digits and _ . : - only") from None


def _labels(pairs: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in pairs[: MOST_LABELS + 1]:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise Unusable(f"--label {pair!r}: write it as key=value")
        labels[key] = redact_named(key, value[:MAX_LABEL])
    if len(labels) > MOST_LABELS:
        raise Unusable(f"more than {MOST_LABELS} labels")
    return labels
