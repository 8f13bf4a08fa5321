"""The door: the intake server, and the commands that a person types."""

from __future__ import annotations

import typer
from temporalio.runtime import Runtime, TelemetryConfig

from console import doctor, fire, look, serve, service, switch, tell

app = typer.Typer(
    name="starter.py",
    help="Durable runbooks: take alerts, look at incidents, decide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (serve, fire, look, tell, switch, doctor):
    app.add_typer(group.app)
app.add_typer(service.app, name="service")


def main() -> None:
    """Run one command. The SDK's own log would write on standard output: it stays silent."""
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    app()


if __name__ == "__main__":
    main()
