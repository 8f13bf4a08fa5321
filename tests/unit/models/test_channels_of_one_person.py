"""A channel with a person brings a link that signs them in: where that cannot be right, it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.configuration.configuration import Configuration

PHONE = {"kind": "apprise", "url": {"env": "PHONE"}, "person": "anna"}
FILE: dict[str, Any] = {
    "channels": {"phone": PHONE, "all": {"kind": "log"}},
    "contacts": {"On-Call": ["phone"]},
    "escalation": {"any-alert": ["On-Call"]},
    "intake": {"public_url": "http://localhost:8080"},
    "approvals": {"approvers": ["anna"]},
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"broadcast": ["phone"]}, "phone is in `broadcast`"),
        ({"approvals": {"approvers": ["bert"]}}, "'anna' may not decide"),
        ({"intake": {}}, "set intake.public_url"),
        ({"intake": {"link_lasts": "13h"}}, "link_lasts"),
        ({"channels": {"phone": {"kind": "log", "person": "anna"}}}, "person"),
    ],
)
def test_a_person_of_a_channel_that_cannot_be_right_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Configuration.model_validate({**FILE, **changes})
    assert says in str(refused.value)


def test_a_channel_of_one_person_is_taken() -> None:
    assert Configuration.model_validate(FILE).channels["phone"].kind == "apprise"
