"""What a worker hosts: every activity there is, found at the objects that have them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import httpx
from temporalio import activity
from temporalio.client import Client

import activities
from activities.managers import Managers
from models.configuration.configuration import Configuration
from runtime.hosted.activities import activities_of, build
from tests.workflows.configuration import CONFIGURATION
from workflows.runbooks.registry import NAMES

ROOM = Path(activities.__file__).parent


def defined() -> set[str]:
    """The activities of every class in the folder `activities`."""
    files = (path.relative_to(ROOM.parent).with_suffix("") for path in ROOM.rglob("*.py"))
    modules = [importlib.import_module(".".join(file.parts)) for file in files if file.name != "__init__"]
    every = (one for module in modules for one in vars(module).values() if isinstance(one, type))
    methods = (method for one in every for method in vars(one).values() if callable(method))
    return {name_of(method) for method in methods} - {""}


def name_of(method: Any) -> str:
    found = activity._Definition.from_callable(method)
    return found.name or "" if found else ""


async def test_whatever_is_an_activity_is_hosted() -> None:
    client = await Client.connect("localhost:7233", lazy=True)
    async with httpx.AsyncClient() as http:
        hosted = build(client, http, Managers(), lambda: Configuration.of(CONFIGURATION, NAMES))
    names = [name_of(one) for one in hosted]
    assert set(names) == defined()
    assert len(names) == len(set(names)), "two activities of one name: only one of them would be called"


def test_other_methods_are_not() -> None:
    class Both:
        @activity.defn
        def looks(self) -> str:
            return "seen"

        def helps(self) -> None: ...

    (only,) = activities_of(Both())
    assert only() == "seen"
