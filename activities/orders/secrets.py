"""A secret goes where this worker's own `runbooks.yaml` sends it, whatever a request says.

A look carries its service along, as the run took it when it began. Where a part of it names a secret, the
part is taken from the file as it is now: who reaches Temporal would otherwise send any secret anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from activities.doctor.secrets import secrets_in
from models.configuration.backups import BackupLocation
from models.configuration.configuration import Configuration
from models.configuration.grafana import DashboardBackup
from models.service.secret import SecretRef
from models.service.service import Service

OfChecks = BackupLocation | DashboardBackup
"""Parts of `checks` that a request brings whole: they name programs and places, too."""


def concerned(request: Any) -> bool:
    """Whether anything in it is to be taken from the file, or compared with it."""
    return any(isinstance(one, OfChecks) or any(_parts(one)) for one in _within(request))


def as_here(request: Any, configuration: Configuration) -> Any:
    """The request with its secrets as configured here. Raises `LookupError` for what the file has not."""
    if isinstance(request, Service):
        return _service(request, configuration)
    if isinstance(request, OfChecks):
        known = (*configuration.checks.backups, configuration.checks.grafana)
        if request not in known:
            raise LookupError(f"`checks` has no such {_words(request)}")
        return request
    if isinstance(request, tuple):
        return tuple(as_here(one, configuration) for one in request)
    changed = {name: as_here(value, configuration) for name, value in request if _holds(value)}
    return request.model_copy(update=changed)


def _within(request: Any) -> Iterator[Service | OfChecks]:
    """The request itself, or what stands in its fields."""
    values = [request, *(value for _, value in request)] if isinstance(request, BaseModel) else [request]
    for value in values:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Service | OfChecks):
                yield one


def _holds(value: Any) -> bool:
    inside = value if isinstance(value, tuple) else (value,)
    return any(isinstance(one, Service | OfChecks) for one in inside)


def _parts(one: Service) -> Iterator[str]:
    """The parts of a service that name a secret."""
    return (name for name, value in one if name in _may_name_one() and any(secrets_in(value, name)))


@cache
def _may_name_one() -> frozenset[str]:
    """Those that can: the others are not searched, at each look."""
    types = {name: one.annotation for name, one in Service.model_fields.items()}
    schemas = {name: TypeAdapter[Any](kind).json_schema() for name, kind in types.items() if kind}
    return frozenset(name for name, one in schemas.items() if SecretRef.__name__ in one.get("$defs", {}))


def _service(service: Service, configuration: Configuration) -> Service:
    own = configuration.services.get(service.name)
    parts = tuple(_parts(service))
    if own is None and parts:
        raise LookupError(f"there is no service {service.name}")
    return service.model_copy(update={name: getattr(own, name) for name in parts})


def _words(one: OfChecks) -> str:
    return f"location in `backups` as {one.name}" if isinstance(one, BackupLocation) else "`grafana`"
