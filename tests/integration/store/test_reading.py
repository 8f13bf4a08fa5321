"""What is stored is found again: by service, alert, outcome, cause and words, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.incident.incident import Phase
from runtime.errors import NoSuchIncident
from runtime.incidents import Which
from runtime.store.database import Database, StoreEmpty
from runtime.store.facts import ending
from runtime.store.forgotten import forgotten_review, forgotten_state, with_forgotten
from runtime.store.reading import Search, StoredIncidents
from runtime.store.store import Growth, IncidentStore
from tests.parts.store.stored import BEGAN, growth_of, line_of, review_of, state_of

CAUSES = ("crash", "out of memory", "hung")


@pytest.fixture
async def stored(database: Database) -> StoredIncidents:
    """Six closed incidents, one each day, and an open one."""
    store = IncidentStore(database)
    await store.prepare()
    for day in range(6):
        service, cause = ("backend", "web_1")[day % 2], CAUSES[day % 3]
        state = state_of("began", f"100% of day {day}", phase=Phase.CLOSED, service=service)
        run, began = f"run-{day}", BEGAN + timedelta(days=day)
        review = review_of(state, run, cause, began)
        await store.append([growth_of(state, run_id=run, review=review, began=began)], began)
    await store.append([growth_of(state_of("it goes on"), run_id="open")], BEGAN)
    return StoredIncidents(database)


@pytest.mark.parametrize(
    ("search", "runs"),
    [
        (Search(), ["run-5", "run-4", "run-3", "run-2", "run-1", "open", "run-0"]),
        (Search(closed=True, since=BEGAN + timedelta(days=4)), ["run-5", "run-4"]),
        (Search(service="web_1"), ["run-5", "run-3", "run-1"]),
        (Search(cause="crash"), ["run-3", "run-0"]),
        (Search(closed=True, alert="ServiceDown", outcome="resolved", cause="hung"), ["run-5", "run-2"]),
        (Search(words="DAY 4"), ["run-4"]),
        (Search(words="100% crashed"), ["run-5", "run-4", "run-3", "run-2", "run-1", "run-0"]),
        (Search(words="d_y"), []),
        (Search(words="1%0"), []),
        (Search(words="! ' \0 \ud83d"), []),
        (Search(service="' OR 1=1 --"), []),
    ],
)
async def test_it_is_narrowed_down(stored: StoredIncidents, search: Search, runs: list[str]) -> None:
    found = await stored.find(search)
    assert sorted(one.began_in for one in found.rows) == sorted(runs)
    assert found.total == len(runs)


async def test_it_is_read_page_by_page_the_newest_first(stored: StoredIncidents) -> None:
    pages = [await stored.find(Search(closed=True, page=page), 4) for page in (1, 2, 3)]
    assert [[one.began_in for one in page.rows] for page in pages] == [
        ["run-5", "run-4", "run-3", "run-2"],
        ["run-1", "run-0"],
        [],
    ]
    assert pages[0].choices["service"] == ("backend", "web_1")
    assert pages[0].rows[0].recovered_after == timedelta(minutes=4)


async def test_what_temporal_forgot_is_shown_with_its_timeline_and_its_review(
    stored: StoredIncidents, database: Database
) -> None:
    state = await forgotten_state(database, "ServiceDown/backend", "1")
    assert (state.phase, state.cause) == (Phase.CLOSED, "out of memory")
    assert [one.text for one in state.timeline] == ["began", "100% of day 4"]
    review = await forgotten_review(database, "ServiceDown/backend", "1")
    assert (review.run_id, review.cause) == ("run-4", "out of memory")
    with pytest.raises(NoSuchIncident):
        await forgotten_review(database, "ServiceDown/gone", "")


async def test_the_list_of_closed_ones_goes_on_where_temporal_has_forgotten(
    stored: StoredIncidents, database: Database
) -> None:
    listed = (line_of(state_of(phase=Phase.CLOSED), "run-4", BEGAN + timedelta(days=4)),)
    lines = await with_forgotten(database, listed, Which(service="backend"), 3)
    assert [line.run_id for line in lines] == ["run-4", "run-2", "run-0"]


async def test_one_of_which_only_the_end_was_stored_is_shown(
    stored: StoredIncidents, database: Database
) -> None:
    line = line_of(state_of(phase=Phase.CLOSED), "gone").model_copy(update={"severity": "", "phase": ""})
    await IncidentStore(database).append([Growth("gone", line, [*ending(line, None, "forgotten")], 0)], BEGAN)
    assert "gone" in [one.began_in for one in (await stored.find(Search())).rows]
    found = await stored.firing("gone")
    assert found
    state = await stored.state(found)
    assert (state.phase, state.summary, state.timeline) == (Phase.CLOSED, "completed", ())


async def test_before_anything_is_stored_the_list_is_that_of_temporal(database: Database) -> None:
    assert await with_forgotten(database, (), Which(), 3) == ()
    with pytest.raises(StoreEmpty):
        await StoredIncidents(database).find(Search())
