"""What the activities of an outside package are given: the clients of the worker, built once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx
from temporalio.client import Client

from activities.managers import Managers
from models.configuration.configuration import Configuration


@dataclass(frozen=True)
class Clients:
    """A class of activities whose `__init__` takes an argument is given this."""

    temporal: Client
    http: httpx.AsyncClient
    managers: Managers
    configuration: Callable[[], Configuration]
    """The configuration in force."""
