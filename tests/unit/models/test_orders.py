"""What an order may bring along: nothing that is the configuration's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from models.actions.change import Change, Risk
from models.actions.database import RestartDatabase
from models.actions.kinds import kinds
from models.actions.service import RollBack, StartService
from models.actions.surroundings import SetEnvironment
from models.actions.videos import RestoreBudget
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.orders.comparison import allowed_for, differences, parts_of
from models.service.service import RollBackScript, Service
from tests.unit.models.test_actions import AT, EVERY

SWITCH = {"url": "http://127.0.0.1:3000/switch"}
SWITCHED = {"on": SWITCH, "off": SWITCH}
CONTENT: dict[str, Any] = {
    "services": {
        "backend": {
            "manager": {"kind": "docker", "container": "backend"},
            "port": 3000,
            "memory": {"factor": 2, "cap": "4g"},
            "scale": {"max_replicas": 2},
            "database": {"url": {"env": "DATABASE_URL"}},
            "env_file": ".env",
            "pool": {"key": "POOL", "value": 50},
            "heap_limit": {},
            "costs": {
                "prometheus": "http://127.0.0.1:9090",
                "settings": {"BATCH": {"at_most": 10}, "RETRIES": {"at_most": 0}},
                "apis": {"openai": {"settings": {"EVERY_SECONDS": {"at_least": 60}}}},
            },
            "network": "app",
            "clean_up": {"directory": "/var/log"},
            "degradation": SWITCHED,
            "clear_cache": SWITCH,
            "diagnostic": {"signal": "SIGUSR2", "directory": "/var/tmp"},
            "api": {"url": "http://127.0.0.1:3000", "smaller_sync": {"limit": 10}},
            "temporal": {"address": "127.0.0.1:7233", "schedules": ["loop"]},
            "endpoints": {
                "url": "http://127.0.0.1:3000",
                "known": [{"path": "/api/x", "disable": SWITCHED, "maintenance": SWITCHED}],
            },
            "videos": {
                "budget": {**SWITCH, "usual": 100, "raised": 150},
                "backup": {**SWITCHED, "name": "runway"},
            },
        }
    },
    "alerts": {
        "Untidy": {"answer": {"look": ["/opt/look"], "act": ["/opt/tidy", "{service}"]}},
        "Odd": {"answer": {"act": "restart"}},
    },
}
CONFIGURATION = Configuration.of(CONTENT, ())
BACKEND = CONFIGURATION.services["backend"]
RECORDED = Deployment(service="backend", version="1", image_id="sha256:1", deployed_at=AT)

SEEN: dict[str, set[str]] = {
    "raise-memory-limit": set(),
    "kill-process": {"pid", "process", "started_at", "identity"},
    "roll-back": {"from_version", "from_image"},
    "terminate-sessions": {"sessions"},
    "analyze-tables": {"tables"},
    "set-environment": {"diff"},
    "clean-up-files": {"files", "frees", "directory", "identities"},
    "degrade": {"because_of", "trouble"},
    "sync-products": {"last_sync"},
    "recreate-service": {"settings"},
    "reopen-endpoint": {"from_"},
    "unpause-schedule": {"note"},
    "pause-schedule": {"because"},
    "trigger-schedule": {"started"},
    "clear-cache": {"holds"},
    "retry-workflow": {
        "type", "workflow_id", "run_id", "closed_at", "error", "reset_to", "before",
    },
    "generate-videos": {"last_at"},
    "wait-for-reset": {"until", "zone"},
    "raise-budget": {"until"},
    "restore-budget": {"from_dollars"},
    "use-backup-generator": {"because_of"},
}  # fmt: skip
"""By kind, what was only seen of the service: each is looked at again by its activity, or only said."""

ORDERS = [
    one.model_copy(update={"service": BACKEND, **({"to_image": "sha256:1"} if one.goes_back else {})})
    for one in EVERY
]


def told(action: Change, configuration: Configuration = CONFIGURATION) -> list[str]:
    allowed = allowed_for(action.service.name, configuration, (RECORDED,))
    return list(differences(action, allowed)) if allowed else ["there is no such service"]


ANOTHER: dict[type, Callable[[Any], Any]] = {
    timedelta: lambda value: value + timedelta(hours=7),
    int: lambda value: value + 10**12,
    float: lambda value: value + 1000,
    str: lambda value: f"{value}-of-a-stranger",
    tuple: lambda value: (*value, "/tmp/of-a-stranger"),
    dict: lambda value: {**value, "OF_A_STRANGER": "1"},
    type(None): lambda _: RollBackScript(command=("/tmp/of-a-stranger",)),
}
"""By type, how a value becomes another."""


def another(value: Any) -> Any:
    return ANOTHER[type(value)](value)


def edited(service: Service, part: str) -> Service:
    """With another value somewhere in one part."""

    def changed(value: Any) -> Any:
        if isinstance(value, BaseModel):
            name = next(one for one in type(value).model_fields if one != "kind")
            return value.model_copy(update={name: changed(getattr(value, name))})
        return another(value)

    return service.model_copy(update={part: changed(getattr(service, part))})


def test_every_kind_is_judged_here() -> None:
    assert {one.kind for one in ORDERS} == set(kinds())


@pytest.mark.parametrize("action", ORDERS, ids=lambda one: one.kind)
def test_what_the_product_decides_is_allowed(action: Change) -> None:
    assert told(action) == []


@pytest.mark.parametrize(
    ("action", "name"),
    [
        pytest.param(one, name, id=f"{one.kind}: {name}")
        for one in ORDERS
        for name in type(one).model_fields
        if name not in {"service", "kind", *SEEN.get(one.kind, ())}
    ],
)
def test_a_value_that_is_not_only_seen_is_the_configurations(action: Change, name: str) -> None:
    assert told(action.model_copy(update={name: another(getattr(action, name))}))


@pytest.mark.parametrize(
    ("action", "part"),
    [
        pytest.param(one, part, id=f"{one.kind}: {part}")
        for one in ORDERS
        for part in sorted(parts_of(one))
        if getattr(BACKEND, part) is not None
    ],
)
def test_another_part_of_the_service_is_named(action: Change, part: str) -> None:
    (named, *_) = told(action.model_copy(update={"service": edited(BACKEND, part)}))
    assert f"services.backend.{part}" in named


def test_what_an_action_does_not_use_may_have_been_edited() -> None:
    service = BACKEND.model_copy(update={"title": "The shop", "port": 4000})
    assert told(StartService(service=service)) == []


PUT_BACK = {"restore-service", "reopen-endpoint", "restore-budget", "use-usual-generator"}


@pytest.mark.parametrize("action", ORDERS, ids=lambda one: one.kind)
def test_what_puts_back_goes_by_the_file_as_it_is_now(action: Change) -> None:
    """A container that has another name, and a service that is a dry run by now."""
    edits: tuple[dict[str, Any], ...] = (
        {"manager": {"kind": "docker", "container": "backend-2"}},
        {"dry_run": True},
    )
    for edit in edits:
        content = {**CONTENT["services"]["backend"], **edit}
        since = Configuration.of({**CONTENT, "services": {"backend": content}}, ())
        assert (told(action, since) == []) is (action.kind in PUT_BACK), edit


def test_a_budget_goes_back_to_what_is_usual_whatever_it_was_raised_to() -> None:
    order = RestoreBudget(service=BACKEND, from_dollars=120, to_dollars=100)
    assert told(order) == []
    assert told(order.model_copy(update={"to_dollars": 1}))


class Unsaid(Change):
    """Of a package that does not say what it uses."""

    risk = Risk.SAFE
    kind: str = "unsaid"


def test_an_action_that_does_not_say_what_it_uses_uses_everything() -> None:
    assert told(Unsaid(service=BACKEND.model_copy(update={"title": "The shop"}))) == []
    assert told(Unsaid(service=BACKEND.model_copy(update={"port": 4000})))


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("POOL", "50", True),
        ("POOL", "5000", False),
        ("BATCH", "10", True),
        ("BATCH", "11", False),
        ("RETRIES", "0", True),
        ("BATCH", "0", False),
        ("BATCH", "nan", False),
        ("BATCH", "10; rm", False),
        ("EVERY_SECONDS", "60", True),
        ("EVERY_SECONDS", "59", False),
        ("NODE_OPTIONS", "--max-old-space-size=4096", True),
        ("NODE_OPTIONS", "--enable-source-maps --max-old-space-size=4096", True),
        ("NODE_OPTIONS", "--max-old-space-size=65536", False),
        ("NODE_OPTIONS", "--require /tmp/of-a-stranger.js", False),
        ("LD_PRELOAD", "/tmp/of-a-stranger.so", False),
    ],
)
def test_a_setting_is_one_that_the_configuration_changes(key: str, value: str, allowed: bool) -> None:
    order = SetEnvironment(service=BACKEND, file=".env", values={key: value}, diff="")
    assert (told(order) == []) is allowed


@pytest.mark.parametrize(
    ("version", "image", "allowed"),
    [("1", "sha256:1", True), ("1", "", True), ("1", "sha256:2", False), ("2", "sha256:2", False)],
)
def test_a_rollback_is_to_a_version_that_was_recorded(version: str, image: str, allowed: bool) -> None:
    order = RollBack(service=BACKEND, from_version="3", to_version=version, to_image=image)
    assert (told(order) == []) is allowed


def test_a_rollback_by_script_needs_the_configured_one() -> None:
    script = RollBackScript(command=("/opt/back",))
    content = {**CONTENT["services"]["backend"], "rollback": {"command": ["/opt/back"]}}
    configuration = Configuration.of({"services": {"backend": content}}, ())
    by_script = RollBack(service=configuration.services["backend"], from_version="3", script=script)
    assert told(by_script, configuration) == []
    assert told(
        by_script.model_copy(update={"script": RollBackScript(command=("/tmp/back",))}), configuration
    )
    assert told(by_script), "where none is configured"
    assert told(by_script.model_copy(update={"script": None})), "to nothing"


def test_the_differences_name_places_and_no_values() -> None:
    planned = edited(edited(BACKEND, "manager"), "database")
    order = RestartDatabase(service=planned)
    named = " ".join(told(order))
    assert "services.backend.manager" in named
    assert "services.backend.database.url" in named
    assert "stranger" not in named
