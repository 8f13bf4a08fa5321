"""What the Temporal UI shows of a check."""

from __future__ import annotations

from models.checks.item import Item, ItemResult, ItemState
from workflows.checks.reporting import details


def item(name: str, state: ItemState, reason: str = "so it is") -> Item:
    return Item(name=name, found=ItemResult(state=state, reason=reason))


def test_what_is_well_is_counted_and_the_rest_is_named_the_worst_first() -> None:
    found = [
        item("a", ItemState.OK),
        item("b", ItemState.ATTENTION),
        item("c", ItemState.BAD, "**[x](http://evil)**"),
        item("d", ItemState.UNKNOWN),
    ]
    assert details(found, 9) == (
        "**4 of 9 items** looked at\n\n"
        "- **bad** c: \\*\\*\\[x\\](http://evil)\\*\\*\n"
        "- **unknown** d: so it is\n"
        "- **attention** b: so it is"
    )


def test_many_are_counted() -> None:
    said = details([item(str(place), ItemState.BAD) for place in range(25)], 25)
    assert said.endswith("- and 5 more")
    assert said.count("- **bad**") == 20
