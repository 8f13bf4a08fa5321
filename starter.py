"""The door: the intake server, and the commands that a person types."""

from __future__ import annotations

import contextlib
import os
import sys

import typer
from temporalio.runtime import Runtime, TelemetryConfig

from console import deployed, doctor, fire, respond, serve, service, show, switch

app = typer.Typer(
    name="starter.py",
    help="Durable runbooks: take alerts, look at incidents, decide.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (serve, fire, show, respond, switch, deployed, doctor):
    app.add_typer(group.app)
app.add_typer(service.app, name="service")


def main() -> None:
    """Run one command, and leave with its exit code.

    The SDK's own log would write on standard output: it stays silent. Its threads may still want
    the interpreter while that is being taken down, which now and then ends in an abort in place
    of the exit code: so the process ends at once, after what it said is written out.
    """
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    code = _run()
    with contextlib.suppress(BrokenPipeError):  # the reader, such as `head`, has seen enough
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run() -> int:
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main()
