"""A runbook without code: what is done about an alert, as the configuration says it.

The answer is one action on the alert's service: a restart, or a script. Commands are argument lists; what
they name of the incident are names of the configuration, never words of an alert.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from models.actions.change import Risk
from models.base import Configured, Interval, in_words
from models.service.service import Service, VariableName

RESTART = "restart"
LONGEST_SCRIPT = timedelta(minutes=10)
"""How long an `act` may take at most."""
MOST_ARGUMENTS = 64

_BRACES = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}")
PLACEHOLDERS = ("service", "alert")
"""What a command may name in braces: the service and the alert, each as the configuration writes it."""

Argument = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]


class Approval(StrEnum):
    """Whether a person is asked always, or as the risk of the action and the severity of the alert say."""

    REQUIRED = "required"
    AUTOMATIC = "automatic"


def _program(command: tuple[str, ...]) -> tuple[str, ...]:
    """An absolute program and known placeholders. Raises `ValueError`."""
    if not command:
        raise ValueError("a command needs a program: write its path, then its arguments")
    if len(command) > MOST_ARGUMENTS:
        raise ValueError(f"a command has at most {MOST_ARGUMENTS} arguments: put the rest into its script")
    if not command[0].startswith("/"):
        raise ValueError(f"the program {command[0]!r} must be an absolute path, such as /usr/local/bin/…")
    if "{" in command[0]:
        raise ValueError("the program itself is never filled in: write its whole path")
    for found in _BRACES.finditer(" ".join(command)):
        if found[1] and found[1] not in PLACEHOLDERS:
            known = " and ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            cure = f"there are {known}; write {{{{{found[1]}}}}} for the braces themselves"
            raise ValueError(f"there is no placeholder {found[0]}; {cure}")
    return command


def _list(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError("must be a list of arguments, as [/usr/local/bin/tidy, web]: there is no shell")  # noqa: TRY004
    return value


def _act(value: Any) -> Any:
    """`restart`, or a command."""
    if value == RESTART:
        return (RESTART,)
    if isinstance(value, str):
        raise ValueError(f"must be {RESTART}, or a list of arguments: there is no shell")  # noqa: TRY004
    return value


def _known_act(value: tuple[str, ...]) -> tuple[str, ...]:
    return value if value == (RESTART,) else _program(value)


def _ends_in_time(value: timedelta) -> timedelta:
    if value > LONGEST_SCRIPT:
        raise ValueError(f"a script may take at most {in_words(LONGEST_SCRIPT)}: start what takes longer")
    return value


Command = Annotated[tuple[Argument, ...], BeforeValidator(_list), AfterValidator(_program)]
Act = Annotated[tuple[Argument, ...], BeforeValidator(_act), AfterValidator(_known_act)]


class Answer(Configured):
    """What is looked at, what is done once that is bad, and what proves that it helped."""

    look: Command | None = None
    """Whether the alert is true: exit status 0 no, 1 with a line of output yes, anything else is unknown and
    changes nothing. A script needs one; a restart goes by the service's health check without one."""
    act: Act
    """`restart`, or the script: exit status 0 is done."""
    verify: Command | None = None
    """The proof: 0 well, 1 not yet. By default `look`, and the service's health check for a restart."""
    timeout: Annotated[Interval, AfterValidator(_ends_in_time)] = timedelta(minutes=1)
    """How long `act` may take. `look` and `verify` have 10 seconds."""
    environment: tuple[VariableName, ...] = ()
    """Variables of the worker that the commands get, besides PATH, HOME and LANG."""
    risk: Risk | None = None
    """By default `guarded`."""
    approval: Approval | None = None
    """By default a script needs one, and a restart is automatic."""
    changes: str = Field(default="", max_length=300)
    """What a script changes, for who approves it."""
    undo: str = Field(default="", max_length=300)
    """How that is undone."""

    @model_validator(mode="after")
    def _agrees(self) -> Answer:
        if not self.restarts and self.look is None:
            raise ValueError("a script needs `look`, which says whether the alert is true: add it")
        if self.risk is Risk.DANGEROUS and self.approval is Approval.AUTOMATIC:
            raise ValueError("what is dangerous is never automatic: write approval: required")
        if self.restarts and (self.changes or self.undo):
            raise ValueError("`changes` and `undo` are of a script: a restart says itself what it changes")
        return self

    @property
    def restarts(self) -> bool:
        return self.act == (RESTART,)

    @property
    def kind(self) -> str:
        """The kind of its action, as `risks` names it."""
        return "restart-service" if self.restarts else "run-script"

    @property
    def asks(self) -> bool:
        """Whether a person is asked whatever the risk."""
        usual = Approval.AUTOMATIC if self.restarts else Approval.REQUIRED
        return (self.approval or usual) is Approval.REQUIRED

    @property
    def proof(self) -> tuple[str, ...] | None:
        """The command that proves the recovery; None where the service's own health does."""
        return self.verify or self.look

    def filled(self, alert: str, service: Service) -> Answer:
        """The same with the names of this alert and this service, both as the configuration has them."""
        names = {"service": service.name, "alert": alert}
        commands = {"look": self.look, "act": self.act, "verify": self.verify}
        done = {key: tuple(_filled(one, names) for one in words) for key, words in commands.items() if words}
        return self.model_copy(update=done)


def _filled(argument: str, names: Mapping[str, str]) -> str:
    return _BRACES.sub(lambda found: names[found[1]] if found[1] else found[0][0], argument)
