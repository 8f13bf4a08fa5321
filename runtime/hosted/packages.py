"""Loads the packages that `runbooks` of the configuration names, once in the life of a process.

A package that does not fit is refused as a whole, with the reason: a worker that had taken half of it
would fail in the middle of an incident.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, TypeVar

from temporalio import activity, workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from models.actions.change import Change
from models.actions.kinds import ACTIONS_BROUGHT, kind_of, kinds
from models.text import plain
from runtime.hosted.activities import classes_of_activities
from workflows.diagnosis import looks
from workflows.diagnosis.causes import Undo
from workflows.diagnosis.look import LOOKS_BROUGHT, Look
from workflows.diagnosis.undos import UNDOS
from workflows.diagnosis.verifications import Verification
from workflows.incident.runbook import Runbook
from workflows.packages.package import BUILT_FOR, Package
from workflows.runbooks.classes import BROUGHT, WORKFLOWS
from workflows.runbooks.registry import NAMES
from workflows.stewardship.execution import BY_ACTION

OURS = {
    "activities", "bench", "console", "demo", "docs", "intake", "models", "runtime", "starter", "tests",
    "worker", "workflows",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_LONGEST = 300
PLACE = "package"
"""The module of a package that has its `PACKAGE`: `__init__.py` is empty, for the sandbox imports it anew."""

T = TypeVar("T")


class Unfit(Exception):
    """A package that cannot be used. The text says why, and what to do."""


_LOADED: dict[str, Package] = {}


def loaded() -> tuple[Package, ...]:
    """Those that were loaded, in their order."""
    return tuple(_LOADED.values())


def classes_brought() -> list[type[object]]:
    """The classes of their activities."""
    return [one for package in loaded() for one in package.activities]


def load(name: str) -> Package:
    """Import a package, check it, and make its parts known. Raises `Unfit`, and takes nothing then."""
    if name not in _LOADED:
        package = _package_of(name, _imported(name))
        modules = _modules_of(name)
        _check_runbooks(package)
        _check_actions(package, modules)
        found = {one.name: one for one in _found(modules, Look)}
        undos = {one.name: one for one in _found(modules, Undo)}
        _check_names(found, undos)
        _check_activities(package, [*found.values(), *_found(modules, Verification)])
        _check_sandbox(package)
        BY_ACTION.update({one.action: one for one in package.actions})
        LOOKS_BROUGHT.update(found)
        UNDOS.update(undos)
        BROUGHT.extend(package.runbooks)
        ACTIONS_BROUGHT.extend(one.action for one in package.actions)
        kinds.cache_clear()
        kinds()  # before any run: one that imports the actions itself would have classes of its own
        _LOADED[name] = package
    return _LOADED[name]


def runbooks_of(name: str) -> list[str]:
    """The names of the runbooks of a package, which is loaded. Raises `Unfit`."""
    return [one.__name__ for one in load(name).runbooks]


def _imported(name: str) -> ModuleType:
    if not _NAME.fullmatch(name):
        raise Unfit("this is not the name of a Python module, such as mycompany.runbooks")
    top = name.partition(".")[0]
    if top in OURS:
        raise Unfit(f"{top} is a name of the product itself: give the package another name")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        cure = "install it for the Python of this process, or set PYTHONPATH"
        raise Unfit(f"it cannot be imported: there is no module {plain(str(error.name))}: {cure}") from error
    except (Exception, SystemExit) as error:
        said = plain(str(error))[:_LONGEST]
        if "parameters do not match" in said:  # the base's annotations are texts, and the SDK compares them
            said += "; write `from __future__ import annotations` at the top of its file"
        raise Unfit(f"it cannot be imported: {type(error).__name__}: {said}") from error


def _package_of(name: str, module: ModuleType) -> Package:
    package = getattr(module, "PACKAGE", None)
    if package is None and hasattr(module, "__path__"):
        package = getattr(_imported(f"{name}.{PLACE}"), "PACKAGE", None)
    if not isinstance(package, Package):
        raise Unfit(
            f"{name}.{PLACE} has no PACKAGE: write PACKAGE = Package(built_for=…, runbooks=(…,)) there"
        )
    if package.built_for != BUILT_FOR:
        cure = "run its tests with this version, then write that there"
        raise Unfit(f"it is built for {plain(str(package.built_for))}, and this is {BUILT_FOR}: {cure}")
    return package


def _modules_of(name: str) -> list[ModuleType]:
    """Its own modules that were imported."""
    return [one for key, one in sorted(sys.modules.items()) if key == name or key.startswith(f"{name}.")]


def _found(modules: Sequence[ModuleType], kind: type[T]) -> Iterator[T]:
    ours = {id(one) for one in (*vars(looks).values(), *UNDOS.values())}
    seen: set[int] = set()
    for one in (value for module in modules for value in vars(module).values()):
        if isinstance(one, kind) and id(one) not in ours | seen:
            seen.add(id(one))
            yield one


def _check_runbooks(package: Package) -> None:
    taken = {*NAMES, *(one.__name__ for one in (*WORKFLOWS, *BROUGHT))}
    for one in package.runbooks:
        if not (isinstance(one, type) and issubclass(one, Runbook)):
            raise Unfit(
                f"{plain(repr(one))} is not a Runbook: derive it from workflows.incident.runbook.Runbook"
            )
        defined = workflow._Definition.from_class(one)
        if defined is None or defined.cls is not one:
            raise Unfit(f"{one.__name__} is no workflow: write @workflow.defn above it, and @workflow.run")
        if defined.name != one.__name__:
            raise Unfit(f"{one.__name__} is named {defined.name}: its type must be its class's name")
        if one.__name__ in taken:
            raise Unfit(f"there is a runbook {one.__name__} already: give this one another name")
        taken.add(one.__name__)


def _check_actions(package: Package, modules: Sequence[ModuleType]) -> None:
    """Each is its own, has a kind of its own, and is performed: plans find the activity by the class, and
    what is read anew finds the class by the kind."""
    taken = {kind: one.__name__ for kind, one in kinds().items()}
    listed = [one.action for one in package.actions]
    for one in listed:
        if one in BY_ACTION:
            raise Unfit(f"how {one.__name__} is performed is known already: bring an action of your own")
        _check_kind(one, taken)
    values = (value for module in modules for value in vars(module).values())
    for one in (value for value in values if isinstance(value, type) and issubclass(value, Change)):
        if one not in BY_ACTION and one not in listed and kind_of(one):
            _check_kind(one, taken)
            cure = "add a Performance of it to `actions` of the PACKAGE"
            raise Unfit(f"nothing performs {one.__name__}: {cure}")


def _check_kind(one: type[Change], taken: dict[str, str]) -> None:
    kind = kind_of(one)
    if not kind:
        raise Unfit(f'{one.__name__} has no kind: give it one, such as kind: str = "remove-lock"')
    if kind in taken:
        raise Unfit(f"{taken[kind]} is the action {kind} already: give {one.__name__} another kind")
    taken[kind] = one.__name__


def _check_names(found: dict[str, Look[Any]], undos: dict[str, Undo]) -> None:
    ours = {one.name for one in vars(looks).values() if isinstance(one, Look)} | LOOKS_BROUGHT.keys()
    for what, taken in (("look", found.keys() & ours), ("undo", undos.keys() & UNDOS.keys())):
        if taken:
            raise Unfit(f"there is a {what} named {plain(min(taken))} already: give this one another name")


def _check_activities(package: Package, asking: Sequence[Look[Any] | Verification]) -> None:
    ours = set(_names_in(classes_of_activities()))
    ours.update(*(_names_in(one.activities) for one in loaded()))
    own = list(_names_in(package.activities))
    if taken := sorted(ours.intersection(own)):
        raise Unfit(f"there is an activity {taken[0]} already: give this one another name")
    called = [one.activity for one in asking]
    called += [two for one in package.actions for two in (one.activity, one.look_back) if two]
    for one in called:
        name = _activity_name(one)
        if name not in ours.union(own):
            where = f"add the class of {plain(one.__qualname__)} to `activities` of the PACKAGE"
            raise Unfit(f"no worker would have the activity {name or plain(one.__qualname__)}: {where}")


def _names_in(classes: Sequence[type[object]]) -> Iterator[str]:
    for one in classes:
        for _, method in inspect.getmembers(one, inspect.isfunction):
            if name := _activity_name(method):
                yield name


def _activity_name(method: Any) -> str:
    found = activity._Definition.from_callable(method)
    return (found.name or "") if found else ""


def _check_sandbox(package: Package) -> None:
    """As a worker does it when it begins; in a thread, for it needs a loop of its own."""

    async def prepare(one: type[Runbook]) -> None:
        SandboxedWorkflowRunner().prepare_workflow(workflow._Definition.must_from_class(one))

    with ThreadPoolExecutor(1) as thread:
        for one in package.runbooks:
            try:
                thread.submit(asyncio.run, prepare(one)).result()
            except Exception as error:
                said = plain(f"{type(error).__name__}: {error}")[:_LONGEST]
                cure = "import what is not a workflow within workflow.unsafe.imports_passed_through()"
                raise Unfit(f"the sandbox of workflows refuses {one.__name__}: {said}; {cure}") from error
