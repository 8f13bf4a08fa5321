"""The intake server, and the operator's commands."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

import structlog
import typer
from temporalio.runtime import Runtime, TelemetryConfig

from console import (
    deployed,
    fire,
    maintenance,
    respond,
    serve,
    service,
    show,
    status,
    switch,
)
from console.checks import check, doctor, notify, schedules
from console.kit import new
from console.past import audit, dry_runs, review
from runtime import settings

app = typer.Typer(
    name="starter.py",
    help="Durable runbooks: take alerts, show incidents, approve plans.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for group in (serve, fire, show, review, status, check, respond, switch, deployed, doctor, dry_runs):
    app.add_typer(group.app)
app.add_typer(service.app, name="service")
app.add_typer(audit.app, name="audit")
app.add_typer(maintenance.app, name="maintenance")
app.add_typer(schedules.app, name="schedules")
app.add_typer(notify.app, name="notify")
app.add_typer(new.app, name="new")


def main() -> None:
    """Run one command, and exit with its code.

    The SDK's own log is off, because it writes to standard output; the product's log shows warnings on
    standard error until `serve` configures its own. The SDK's threads may abort the
    process while the interpreter shuts down, and so lose the exit code: so exit at once, after the
    output is flushed.
    """
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    settings.load_packages(settings.path_of())  # also what only reads an incident must know its actions
    code = _run()
    with contextlib.suppress(BrokenPipeError):  # the reader, such as `head`, has closed the pipe
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
