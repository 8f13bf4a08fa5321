"""The services that a person may name: those of the configuration, so that no typo starts anything."""

from __future__ import annotations

from difflib import get_close_matches

from models.configuration.configuration import Configuration


class NoSuchService(ValueError):
    """The configuration does not have it; says which one may be meant."""


def known(service: str, configuration: Configuration) -> str:
    """The service's name. Raises `NoSuchService`."""
    services = configuration.services
    if service in services:
        return service
    called = {alias.casefold(): name for name, one in services.items() for alias in (name, *one.aliases)}
    near = get_close_matches(service.casefold(), called, 1)
    meant = f"did you mean {called[near[0]]}?" if near else f"known: {', '.join(sorted(services)) or 'none'}"
    raise NoSuchService(f"there is no service {service!r} in the configuration; {meant}")
