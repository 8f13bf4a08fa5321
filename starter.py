"""The intake server, and the operator's commands."""

from __future__ import annotations

import contextlib
import os
import sys

import typer
from typer.completion import get_completion_inspect_parameters

from console.shell.commands import Commands, register
from console.shell.completing import VARIABLE

app = typer.Typer(
    name="starter.py",
    cls=Commands,
    help="Durable runbooks: take alerts, show incidents, approve plans.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
register(app)


def main() -> None:
    """Run one command, and exit with its code.

    The SDK's threads may abort the process while the interpreter shuts down, and so lose the exit code: so
    exit at once, after the output is flushed.
    """
    code = _run()
    with contextlib.suppress(BrokenPipeError):  # the reader, such as `head`, has closed the pipe
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run() -> int:
    if VARIABLE in os.environ:
        get_completion_inspect_parameters()  # Typer gets to know the shells
    try:
        app(complete_var=VARIABLE)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main()
