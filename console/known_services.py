"""The services that a command may name: those of the configuration, so that no typo starts anything."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches

from console.output import Unusable
from models.configuration.configuration import Configuration
from runtime import settings


def known(service: str, configuration: Configuration) -> str:
    """The service's name. Raises `Unusable` for one that is not in the configuration, with the likely one."""
    services = configuration.services
    if service in services:
        return service
    called = {alias.casefold(): name for name, one in services.items() for alias in (name, *one.aliases)}
    near = get_close_matches(service.casefold(), called, 1)
    meant = f"did you mean {called[near[0]]}?" if near else f"known: {', '.join(sorted(services)) or 'none'}"
    raise Unusable(f"there is no service {service!r} in the configuration; {meant}")


def refuse_unknown(service: str) -> None:
    """Nothing was found of this service: is it a typo? Where no configuration can be read, nobody knows.

    Raises `Unusable` as `known` does.
    """
    with suppress(settings.ConfigurationError):
        known(service, settings.load(settings.path_of()))
