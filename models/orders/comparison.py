"""Compares what is ordered with the configuration of the worker that is to do it.

A run takes its policy when it begins, and its orders carry it along. Between the two anybody who reaches
Temporal may send an order, and an operator may edit the file: what differs is not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.actions.allowed import Allowed, Script
from models.actions.change import Change
from models.answers.answer import Answer
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.service.service import Service

NOT_AS_CONFIGURED = "NotAsConfigured"
"""The type of the error with which an order is refused, before anything of it is done; never retried."""
ALWAYS = ("host", "manager")
"""The parts of a service by which every action is done, but one that puts back."""
NO_MATTER = ("dry_run", "limits", "title", "aliases", "links")
"""Parts of a service that say nothing of how anything is done to it."""


def allowed_for(
    service: str, configuration: Configuration, deployments: Sequence[Deployment] = ()
) -> Allowed | None:
    """What this configuration allows to be done to a service; None for one that it does not have."""
    own = configuration.services.get(service)
    if own is None:
        return None
    rules = configuration.alerts.items()
    scripts = tuple(_script(rule.answer.filled(alert, own)) for alert, rule in rules if rule.answer)
    return Allowed(own, scripts, tuple(deployments))


def _script(answer: Answer) -> Script:
    return Script(
        look=answer.look or (),
        act=() if answer.restarts else answer.act,
        verify=answer.proof or (),
        timeout=answer.timeout,
        environment=answer.environment,
        changes=answer.changes,
        undo=answer.undo,
    )


def parts_of(action: Change) -> set[str]:
    """The parts of its service that must be the same."""
    if action.puts_back:
        return {"host"}
    return set(Service.model_fields).difference(NO_MATTER) if action.uses is None else {*ALWAYS, *action.uses}


def differences(action: Change, allowed: Allowed) -> Iterator[str]:
    """How an action differs from what is allowed, a sentence each; none where it may be done."""
    name = allowed.service.name
    if allowed.service.dry_run and not action.puts_back:
        yield f"`services.{name}.dry_run` is true, and the plan is none for a dry run"
    parts = parts_of(action)
    planned, own = (one.model_dump(mode="json", include=parts) for one in (action.service, allowed.service))
    for place in _places(planned, own):
        yield f"`services.{name}.{place}` is another one"
    yield from action.strays(allowed)


def _places(planned: Any, own: Any, at: str = "") -> Iterator[str]:
    """Where the two differ, by the keys of the file."""
    if isinstance(planned, Mapping) and isinstance(own, Mapping):
        for key in sorted({*planned, *own}):
            yield from _places(planned.get(key), own.get(key), f"{at}.{key}" if at else str(key))
    elif planned != own:
        yield at
