"""A secret that is set, and is not what its kind of channel takes, is named with the cure."""

from __future__ import annotations

import os

import httpx
import pytest

from activities.doctor.channels import check_channels
from models.configuration.configuration import Configuration

VARIABLE = "RUNBOOKS_TEST_LOOKED_AT_BOT"
BOT = {"kind": "slack-bot", "token": {"env": VARIABLE}, "channel": "C0ALERTS001", "buttons": False}


@pytest.mark.parametrize(
    ("token", "says"),
    [
        ("xoxp-111-222-user", "begins with xoxb-"),
        ("Bearer xoxb-111-222-bot", "begins with xoxb-"),
        ("https://hooks.slack.com/services/T0/B0/x", "begins with xoxb-"),
        ("xoxb-111-222-bot", ""),
    ],
)
async def test_a_token_that_is_no_bots_is_named(token: str, says: str) -> None:
    os.environ[VARIABLE] = token
    configuration = Configuration.model_validate({"channels": {"bot": BOT}})
    async with httpx.AsyncClient() as http:
        [found, *_] = check_channels(configuration, http)
    assert (found.name, found.ok) == ("channel bot", not says)
    assert says in found.problem and token not in found.problem
