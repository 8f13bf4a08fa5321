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
        ({"intake": {"public_url": "https://ops.example/runbooks"}}, "leave out /runbooks"),
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


BOT = {"kind": "slack-bot", "token": {"env": "BOT"}, "channel": "C0ALERTS001"}
SLACK = {"signing_secret": {"env": "SECRET"}, "people": {"U0ANNA00001": "anna"}}


def with_bot(bot: dict[str, Any], **intake: Any) -> dict[str, Any]:
    return {**FILE, "channels": {**FILE["channels"], "bot": bot}, "intake": FILE["intake"] | intake}


def test_buttons_that_would_do_nothing_are_refused_with_the_cure() -> None:
    with pytest.raises(ValidationError, match=r"write intake\.slack, or `buttons: false` here"):
        Configuration.model_validate(with_bot(BOT))
    assert Configuration.model_validate(with_bot(BOT | {"buttons": False})).channels["bot"]
    assert Configuration.model_validate(with_bot(BOT, slack=SLACK)).channels["bot"]


def test_a_mistyped_name_of_who_may_press_is_refused() -> None:
    wrong = SLACK | {"people": {"U0ANNA00001": "ana"}}
    with pytest.raises(ValidationError, match="there is no person 'ana'; did you mean anna"):
        Configuration.model_validate(with_bot(BOT, slack=wrong))
