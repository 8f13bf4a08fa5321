"""What a command prints: results on standard output, errors as one line on standard error.

Exit codes are part of the interface: 0 done, 1 failed, 2 usage or configuration, 3 a system could
not be reached, 4 refused by policy.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Coroutine
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from activities.support.secrets import SecretMissing
from console.shell.completing import incidents, open_incidents
from intake.http.server import ListenerTaken, NoSuchHost
from models.base import Model
from models.configuration.known_services import NoSuchService
from models.text import plain
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable
from runtime.errors import (
    DoesNotReplay,
    NobodyAnswers,
    NoKey,
    NoReport,
    NoReview,
    NoSuchIncident,
    NoSuchSchedule,
    NotOurs,
    Rejected,
    TemporalAway,
)
from runtime.file.source import ConfigurationError
from runtime.people.signing import user_of_this_machine
from runtime.search_attributes import AttributesMissing
from runtime.store.database import StoreAway

T = TypeVar("T")
_BEYOND_ASCII = re.compile(r"[^\n -~]")
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def can_redraw() -> bool:
    """Whether standard output is a terminal on which a picture can be redrawn in place, and may be."""
    return sys.stdout.isatty() and out.is_interactive and not out.no_color


def typed(parameter: typer.CallbackParam, value: Any) -> Any:
    """Callback: refuses input that is not UTF-8, which can neither be sent nor printed."""
    for text in value if isinstance(value, list) else [value or ""]:
        if not _is_unicode(text):
            fail(Unusable(f"{_called(parameter)}: not valid UTF-8: type it again, or set your locale"))
    return value


def worded(parameter: typer.CallbackParam, value: str) -> str:
    """As `typed`; also refuses empty text."""
    if not value.strip():
        fail(Unusable(f"{_called(parameter)}: must not be empty: write what everybody should know"))
    return str(typed(parameter, value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _called(parameter: typer.CallbackParam) -> str:
    return parameter.opts[0] if parameter.param_type_name == "option" else str(parameter.name).upper()


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
By = Annotated[
    str,
    typer.Option(
        "--by",
        help="How you are called, beside the name of your user.",
        show_default="your user name",
        callback=typed,
    ),
]
Id = Annotated[
    str, typer.Argument(metavar="ID", help="The incident: ALERT/SERVICE.", autocompletion=incidents)
]
OpenId = Annotated[
    str, typer.Argument(metavar="ID", help="The incident: ALERT/SERVICE.", autocompletion=open_incidents)
]


Run = Annotated[
    str,
    typer.Option(
        "--run",
        metavar="N",
        help="1 for the newest run, 2 for the one before …, or the last characters of its ID.",
        show_default="the newest",
        callback=typed,
    ),
]


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4


class Refused(Exception):
    """Refused by policy."""


class Unusable(Exception):
    """The arguments are invalid."""


CODES: dict[type[Exception], Exit] = {
    ConfigurationError: Exit.USAGE,
    SecretMissing: Exit.USAGE,
    ConnectionMisconfigured: Exit.USAGE,
    Unusable: Exit.USAGE,
    NoSuchService: Exit.USAGE,
    TemporalUnreachable: Exit.UNREACHABLE,
    AttributesMissing: Exit.UNREACHABLE,
    DoesNotReplay: Exit.REFUSED,
    TemporalAway: Exit.UNREACHABLE,
    StoreAway: Exit.UNREACHABLE,
    NobodyAnswers: Exit.UNREACHABLE,
    NoKey: Exit.USAGE,
    Rejected: Exit.REFUSED,
    Refused: Exit.REFUSED,
    NoSuchIncident: Exit.FAILED,
    NoSuchSchedule: Exit.FAILED,
    NoReport: Exit.FAILED,
    NoReview: Exit.FAILED,
    NotOurs: Exit.REFUSED,
    NoSuchHost: Exit.USAGE,
    ListenerTaken: Exit.FAILED,
}


def run(work: Coroutine[Any, Any, T], loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run a command. A known error becomes a line on standard error and an exit code."""
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except tuple(CODES) as error:
        fail(error)


def fail(error: Exception) -> NoReturn:
    """Print the error, and leave with its exit code."""
    for line in str(error).splitlines():
        err.print(Text(plain(line, 1000), style="red"))
    raise typer.Exit(next(code for kind, code in CODES.items() if isinstance(error, kind)))


def as_json(value: Model | dict[str, Any] | list[Any]) -> None:
    """The one JSON document of a command."""
    ready = value.model_dump(mode="json") if isinstance(value, Model) else value
    as_document(json.dumps(ready, indent=2, ensure_ascii=False))


def as_document(text: str) -> None:
    """As `as_json`, of what is JSON already. What a terminal could obey is escaped."""
    typer.echo(_BEYOND_ASCII.sub(_printable, text.strip()))


def as_page(html: str) -> None:
    """One HTML file, byte for byte; what a terminal could obey is left out where it is made."""
    typer.echo(html.encode(), nl=False)


def _printable(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def safe(text: str, most: int = 2000) -> str:
    """Text from outside for the terminal, without markup and control characters."""
    return escape(plain(text, most))


def somebody(by: str) -> str:
    """Who types: the operating system's user, who may add by `--by` how they are called."""
    user, name = user_of_this_machine(), plain(by.strip(), 100)
    return f"{user} (as {name})" if name not in ("", user) else user
