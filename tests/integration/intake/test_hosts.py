"""Requests of strangers: by the name that they ask for, by doubled headers, and from a page in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from demo.parts.loopback import is_installed, program
from tests.parts.product.intake import CONFIGURATION, SENDER, Intake, environment, intake_process
from tests.parts.requirements import missing

ROUTES = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/incidents",
    "/checks/daily/a.html",
    "/nothing",
)
STRANGE = (
    "", " ", "evil.test", "evil.test:{port}", "localhost.evil.test", "localhost@evil.test",
    "a@localhost:{port}", "a{{b.evil.test", "evil.test:65536", "localhost:65536", "localhost:1",
    "localhost:", "localhost:{port}:{port}", "localhost:+{port}", "localhost`", "`localhost`:{port}",
    "local host", "localhost,evil.test", "localhost/", "http://localhost:{port}", "127.0.0.1.evil.test",
    "127.1", "0.0.0.0", "10.0.0.1", "[::1", "::1", "[::]", "[::1%lo]", "[::ffff:10.0.0.1]", "localhost#",
    "localhost?", "\\localhost",
)  # fmt: skip
OURS = (
    "localhost",
    "LOCALHOST:{port}",
    "127.0.0.1",
    "127.0.0.1:{port}",
    "127.0.0.2",
    "[::1]",
    "[::1]:{port}",
)
STRANGER = "evil.test"


@pytest.fixture(scope="module")
async def intake(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Intake]:
    """Without a token, and by itself: what is asked of it here never gets as far as Temporal."""
    async with _intake(tmp_path_factory.mktemp("open")) as intake:
        yield intake


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Intake]:
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "token").write_text(SENDER)
    async with _intake(directory, RUNBOOKS_INTAKE_TOKEN_FILE=str(directory / "token")) as intake:
        yield intake


@asynccontextmanager
async def _intake(directory: Path, **more: str) -> AsyncIterator[Intake]:
    config = directory / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    async with intake_process(config, environment("127.0.0.1:1", **more)) as intake:
        yield intake


def port(intake: Intake) -> int:
    return int(intake.url.rsplit(":", 1)[1])


async def raw(intake: Intake, target: str, *headers: str, method: str = "GET") -> tuple[int, str]:
    """Status and whole answer to a request that is sent as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port(intake))
    try:
        head = [f"{method} {target} HTTP/1.1", *headers, "connection: close", "", ""]
        writer.write("\r\n".join(head).encode())
        answer = (await asyncio.wait_for(reader.read(), 30)).decode()
    finally:
        writer.close()
    return int(answer.split()[1]), answer


@pytest.mark.parametrize("host", STRANGE)
async def test_without_a_token_a_host_that_is_not_exactly_this_machine_is_403(
    intake: Intake, host: str
) -> None:
    status, answer = await raw(intake, "/metrics", f"host: {host.format(port=port(intake))}")
    assert status == 403, answer


@pytest.mark.parametrize("target", ROUTES)
async def test_without_a_token_every_route_is_closed_to_a_stranger(intake: Intake, target: str) -> None:
    for headers in (
        [f"host: {STRANGER}"],
        ["host: localhost", f"host: {STRANGER}"],
        ["host: a", "host: localhost"],
    ):
        status, answer = await raw(intake, target, *headers)
        assert status == 403, answer
    assert (await raw(intake, "/v1/alertmanager", f"host: {STRANGER}", method="POST"))[0] == 403


async def test_without_a_token_a_target_with_a_host_of_its_own_is_403(intake: Intake) -> None:
    for name in (STRANGER, f"localhost:{port(intake)}"):
        assert (await raw(intake, f"http://{name}/metrics", "host: localhost"))[0] == 403
    assert (await raw(intake, "/metrics", "x-forwarded-host: localhost"))[0] in (400, 403)


@pytest.mark.parametrize("host", OURS)
async def test_this_machine_is_heard_by_each_of_its_names(intake: Intake, host: str) -> None:
    assert (await raw(intake, "/healthz", f"host: {host.format(port=port(intake))}"))[0] == 200


@pytest.mark.parametrize("which", [0, 1])
async def test_two_authorizations_are_refused_whichever_is_good(guarded: Intake, which: int) -> None:
    two = ["authorization: Bearer wrong", "Authorization: Bearer wrong"]
    two[which] = f"authorization: Bearer {SENDER}"
    status, answer = await raw(guarded, "/incidents", "host: x", *two)
    assert (status, SENDER in answer) == (400, False), answer
    joined = f"authorization: Bearer wrong, Bearer {SENDER}"
    assert (await raw(guarded, "/incidents", "host: x", joined))[0] == 401


@pytest.mark.parametrize("header", ["host: x", "content-type: application/json", "content-length: 0"])
async def test_a_header_that_decides_is_refused_when_it_stands_twice(guarded: Intake, header: str) -> None:
    token = f"authorization: Bearer {SENDER}"
    first = [] if header.startswith("host") else ["host: x"]
    status, answer = await raw(guarded, "/v1/alertmanager", token, *first, header, header, method="POST")
    assert status == 400, answer


@pytest.mark.parametrize(
    "target", ["/v1/alertmanager/", "/healthz/", "/incidents/", "//evil.test/healthz/", "/x//"]
)
async def test_nothing_redirects_to_the_host_that_a_request_names(guarded: Intake, target: str) -> None:
    for method in ("GET", "POST"):
        status, answer = await raw(guarded, target, f"host: {STRANGER}", method=method)
        assert status in (404, 405), answer
        assert "location:" not in answer.lower()
        assert STRANGER not in answer


async def test_a_page_of_a_stranger_whose_name_leads_to_this_machine_neither_reads_nor_posts(
    intake: Intake,
) -> None:
    if not is_installed("chromium"):
        missing("chromium is not installed: apt-get install chromium")
    path = program("chromium", hint="apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {STRANGER} 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        page = await browser.new_page()
        there = await page.goto(f"http://{STRANGER}:{port(intake)}/metrics")
        assert there is not None
        assert there.status == 403
        asked = await page.evaluate(
            """async ours => {
                const json = {method: 'POST', body: '{}', headers: {'content-type': 'application/json'}};
                const simple = {method: 'POST', body: '{}'};
                const tried = [['/metrics', {}], ['/incidents', {}], ['/v1/alertmanager', json],
                    ['/v1/alertmanager', simple], [ours + '/metrics', {}], [ours + '/v1/alertmanager', json]];
                const one = ([url, how]) => fetch(url, how).then(answer => answer.status, () => 'blocked');
                return Promise.all(tried.map(one));
            }""",
            intake.url,
        )
        await browser.close()
    assert asked == [403, 403, 403, 403, "blocked", "blocked"]


async def test_by_plain_http_from_another_machine_our_own_form_counts_and_a_strangers_does_not(
    guarded: Intake,
) -> None:
    """To a name that is not this machine's, Chromium says no `Sec-Fetch-Site`: the `Origin` alone."""
    if not is_installed("chromium"):
        missing("chromium is not installed: apt-get install chromium")
    path = program("chromium", hint="apt-get install chromium")
    flags = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    ours = f"http://intake.test:{port(guarded)}"
    strangers = (
        f"<form method=post action='{ours}/sign-in'><input name=token value={SENDER}><button>Go</button>"
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        page = await browser.new_page()
        await page.route(
            f"http://{STRANGER}/", lambda route: route.fulfill(body=strangers, content_type="text/html")
        )
        await page.goto(f"http://{STRANGER}/")
        async with page.expect_response(f"{ours}/sign-in") as theirs:
            await page.get_by_role("button").click()
        await page.goto(f"{ours}/sign-in")
        await page.get_by_label("Your token").fill(SENDER)
        async with page.expect_response(f"{ours}/sign-in") as own:
            await page.get_by_role("button", name="Sign in").click()
        answers = [await theirs.value, await own.value]
        sent = [await one.request.all_headers() for one in answers]
        await browser.close()
    assert [one.status for one in answers] == [403, 303]
    assert [one.get("sec-fetch-site") for one in sent] == [None, None]
    assert [one.get("origin") for one in sent] == [f"http://{STRANGER}", ours]
