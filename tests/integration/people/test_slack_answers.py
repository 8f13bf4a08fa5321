"""Where who pressed a button on Slack is answered: below one address, and nowhere beside it."""

from __future__ import annotations

import httpx
import pytest
from pytest_httpserver import HTTPServer

from models.configuration.processes import SLACK_HOOKS, SlackButtons
from runtime.people.slack import is_below, tell_in_private

SECRET = {"env": "RUNBOOKS_TEST_NOT_READ"}


@pytest.mark.parametrize(
    ("place", "arrives"),
    [
        ("BASE/actions/T1/1/s3cret", True),
        ("BASE/actions/T1?token=1", True),
        ("BASE/actions", False),
        ("BASE/actionsX/T1/1/s3cret", False),
        ("BASE/actions.evil/T1", False),
        ("BASE/other/T1", False),
        ("BASE/actions/../other/T1", False),
        ("BASE/actions/%2e%2e/other/T1", False),
        ("BASE/actions/..%2fother", False),
        ("BASE//actions/T1", False),
        ("http://user@HOST/actions/T1", False),
        ("http://127.0.0.1:PORT/actions/T1", False),
        ("https://HOST/actions/T1", False),
        ("http://localhost:1/actions/T1", False),
        ("file:///actions/T1", False),
        ("", False),
        ("http://[", False),
    ],
)
async def test_only_what_is_below_the_configured_address_is_asked(
    httpserver: HTTPServer, place: str, arrives: bool
) -> None:
    httpserver.expect_request("").respond_with_data("ok")
    base = httpserver.url_for("").rstrip("/")
    assert base.startswith("http://localhost:")
    port = str(httpserver.port)
    address = place.replace("BASE", base).replace("HOST", f"localhost:{port}").replace("PORT", port)
    settings = SlackButtons.model_validate({"signing_secret": SECRET, "answers": f"{base}/actions"})
    async with httpx.AsyncClient() as http:
        await tell_in_private(http, settings, address, "counted")
    assert len(httpserver.log) == arrives


@pytest.mark.parametrize(
    "address",
    [
        f"{SLACK_HOOKS}.evil.example/actions/T1",
        f"{SLACK_HOOKS}@evil.example/actions/T1",
        f"{SLACK_HOOKS}:8443/actions/T1",
        f"{SLACK_HOOKS}#@evil.example",
        "http://hooks.slack.com/actions/T1",
    ],
)
def test_by_default_that_is_slacks_own(address: str) -> None:
    assert is_below(f"{SLACK_HOOKS}:443/actions/T1", SLACK_HOOKS)
    assert not is_below(address, SLACK_HOOKS)
