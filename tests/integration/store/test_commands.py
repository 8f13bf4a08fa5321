"""`starter.py audit verify`, as a person types it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from models.configuration.store import StoreSettings
from runtime.store.database import Database
from runtime.store.store import IncidentStore
from tests.integration.store.conftest import unguarded
from tests.parts.product.commands import Person
from tests.parts.product.intake import environment
from tests.parts.store.stored import BEGAN, growth_of, state_of


@pytest.fixture
def person(settings: StoreSettings, tmp_path: Path) -> Person:
    config = tmp_path / "runbooks.yaml"
    store = settings.model_dump(mode="json", exclude_defaults=True)
    config.write_text(yaml.safe_dump({"store": store}))
    return Person(environment("127.0.0.1:1", RUNBOOKS_CONFIG=str(config)))


async def test_an_audit_says_what_it_read_and_names_what_was_changed(
    person: Person, database: Database
) -> None:
    nothing = await person.types("audit", "verify")
    assert (nothing.code, nothing.out) == (3, "")
    assert "nothing is stored yet" in nothing.err
    store = IncidentStore(database)
    await store.prepare()
    await store.append([growth_of(state_of("began", "acted"))], BEGAN)
    well = await person.types("audit", "verify", "--json")
    assert (well.code, well.document["ok"], well.document["events"]) == (0, True, 4)
    async with unguarded(database) as one:
        await one.run("UPDATE runbooks_events SET topic = 'word' WHERE sequence = 3")
    broken = await person.types("audit", "verify", "--head", well.document["head"])
    assert broken.code == 1
    assert "ServiceDown/backend (run run-1): row 3 is changed, 2026-11-01T03:00:01" in broken.out


async def test_a_head_that_is_none_is_refused(person: Person) -> None:
    refused = await person.types("audit", "verify", "--head", "12")
    assert refused.code == 2
    assert "write it as the audit printed it" in refused.err
