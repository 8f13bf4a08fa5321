"""How much of a report travels, and that what is cut is counted."""

from __future__ import annotations

from pathlib import Path

from activities.checks.policy import MOST_SERVICES, SERVICES_LIMIT, CheckPolicyActivities
from models.checks.bounds import LEFT_OUT, MOST_DETAILS, MOST_ROWS, bounded, fitting
from models.checks.check import CheckName, CheckPolicy, CheckRequest
from models.checks.item import Figure, Item, ItemResult, ItemState, Table
from models.configuration.configuration import Configuration
from runtime import settings

LONG = ItemResult(reason="r" * 900, details=("d" * 300,) * 10, figures=(Figure(name="n", value=1.0),))


def items(*states: ItemState, found: ItemResult = LONG) -> list[Item]:
    return [
        Item(name=f"item {place}", found=found.model_copy(update={"state": state}))
        for place, state in enumerate(states)
    ]


def test_a_long_list_says_how_much_longer_it_is() -> None:
    rows = tuple((str(place), "x" * 500) for place in range(100))
    found = bounded(
        ItemResult(
            reason="r" * 5000,
            details=tuple(map(str, range(100))),
            tables=(Table(title="t", columns=("a", "b"), rows=rows),),
        )
    )
    assert len(found.reason) == 600
    assert len(found.details) == MOST_DETAILS
    assert found.details[-2:] == ("38", "and 61 more")
    (table,) = found.tables
    assert len(table.rows) == MOST_ROWS
    assert table.rows[-1] == ("and 41 more", "")
    assert all(len(cell) <= 200 for row in table.rows for cell in row)


def test_what_fits_stays_as_it_is() -> None:
    few = items(ItemState.OK, ItemState.BAD)
    assert fitting(few) == tuple(few)


def test_what_is_well_loses_its_details_first() -> None:
    both = fitting(items(ItemState.BAD, ItemState.OK), limit=6_500)
    assert [len(one.found.details) for one in both] == [10, 1]
    assert both[1].found.figures, "the next report compares them"


def test_what_is_bad_is_left_out_last_and_the_rest_is_counted() -> None:
    states = (ItemState.OK, ItemState.OK, ItemState.ATTENTION, ItemState.BAD)
    kept = fitting(items(*states), limit=1_200)
    assert [one.name for one in kept] == ["item 2", "item 3", LEFT_OUT]
    assert kept[-1].found.reason.endswith("too long: 2 ok")


def test_a_policy_comes_back_as_it_was_sent_with_every_default() -> None:
    shipped = settings.load(Path("runbooks.yaml"))
    policy = CheckPolicyActivities(lambda: shipped).take_check_policy(CheckRequest(name=CheckName.DAILY))
    sent = policy.model_dump_json()
    assert CheckPolicy.model_validate_json(sent) == policy
    assert '"settle"' not in sent, "nobody wrote it"


def test_services_without_room_are_named() -> None:
    service = {"manager": {"kind": "docker", "container": "one"}, "title": "x" * 50_000}
    names = [f"s{place}" for place in range(40)]
    many = Configuration.of({"services": dict.fromkeys(names, service)}, ())
    policy = CheckPolicyActivities(lambda: many).take_check_policy(CheckRequest(name=CheckName.DAILY))
    assert len(policy.model_dump_json()) < SERVICES_LIMIT + 10_000
    assert [*(one.name for one in policy.services), *policy.left_out] == names
    assert policy.left_out


def test_no_more_services_than_a_history_holds() -> None:
    service = {"manager": {"kind": "docker", "container": "one"}}
    names = [f"s{place}" for place in range(MOST_SERVICES + 2)]
    many = Configuration.of({"services": dict.fromkeys(names, service)}, ())
    policy = CheckPolicyActivities(lambda: many).take_check_policy(CheckRequest(name=CheckName.DAILY))
    assert policy.left_out == tuple(names[MOST_SERVICES:])
