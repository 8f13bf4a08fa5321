"""What keeps dashboards from being kept: each is told, and nothing is lost or forced."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from models.checks.item import ItemState
from models.service.secret import SecretRef
from tests.integration.grafana.conftest import Grafana, Look, Repository, git
from tests.parts.servers.sockets import closed_port


async def test_a_branch_that_went_another_way_is_committed_to_and_not_pushed(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    repository.colleague()
    (repository.path / "ours.md").write_text("ours\n")
    repository("add", "ours.md")
    repository("commit", "-qm", "ours")
    grafana.save("costs", refresh="1m")
    theirs = repository.pushed()
    found = await back_up()
    assert found.state is ItemState.ATTENTION
    assert "merge or rebase them" in found.reason
    assert "1 changed, in commit" in found.reason
    assert repository.pushed() == theirs
    assert "ours.md" in repository.files()


async def test_a_push_that_the_remote_refuses_is_told(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    hook = repository.remote / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    found = await back_up()
    assert (found.state, "this branch is protected" in found.reason) == (ItemState.ATTENTION, True)
    assert (repository.commits, repository.pushed()) == (1, "")
    hook.unlink()
    assert (await back_up()).state is ItemState.OK
    assert repository.pushed()


async def test_a_remote_that_is_away_is_told_and_the_commit_is_made(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    repository("remote", "set-url", "origin", f"http://127.0.0.1:{closed_port()}/x.git")
    found = await back_up()
    assert (found.state, "could not push to origin" in found.reason) == (ItemState.ATTENTION, True)
    assert repository.commits == 1


async def test_work_in_the_way_of_what_colleagues_pushed_stops_it(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    repository.colleague("notes.md")
    (repository.path / "notes.md").write_text("mine\n")
    found = await back_up()
    assert (found.state, "left as it is" in found.reason) == (ItemState.ATTENTION, True)
    assert (repository.path / "notes.md").read_text() == "mine\n"


async def test_another_branch_no_branch_and_an_unfinished_merge(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    repository("checkout", "-q", "-b", "mine")
    other = await back_up()
    assert (other.state, "the branch mine is checked out" in other.reason) == (ItemState.ATTENTION, True)
    repository("checkout", "-q", "--detach")
    assert "no branch is checked out" in (await back_up()).reason
    repository("checkout", "-q", "main")
    (repository.path / ".git/MERGE_HEAD").write_text(repository("rev-parse", "HEAD") + "\n")
    assert "in the middle of something" in (await back_up()).reason


async def test_a_wrong_repository(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    grafana.save("costs")
    (repository.path / "inside").mkdir()
    (tmp_path / "plain").mkdir()
    for path, says in (
        (tmp_path / "nowhere", "git clone the repository there"),
        (tmp_path / "plain", "is no git repository"),
        (repository.path / "inside", "is inside the repository"),
        (repository.remote, "is a bare repository"),
    ):
        found = await back_up(repository=str(path))
        assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason
    found = await back_up(remote="upstream")
    assert (found.state, "has no remote upstream" in found.reason) == (ItemState.ATTENTION, True)
    assert git(repository.path, "rev-list", "--all") == ""


async def test_a_list_that_is_empty_removes_nothing(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    grafana.save("latency")
    await back_up()
    grafana.clear()
    found = await back_up()
    assert (found.state, "no dashboard to this token" in found.reason) == (ItemState.ATTENTION, True)
    assert len(repository.files()) == 2


async def test_when_most_dashboards_are_gone_at_once_they_stay(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    for number in range(7):
        grafana.save(f"d{number}")
    await back_up()
    for number in range(4):
        grafana.delete(f"d{number}")
    found = await back_up()
    assert (found.state, "remove their files by hand" in found.reason) == (ItemState.ATTENTION, True)
    assert len(repository.files()) == 7
    grafana.save("d3")
    assert "3 removed" in (await back_up()).reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
async def test_a_repository_of_another_user_is_told(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    os.chown(repository.path, 65534, 65534)
    found = await back_up()
    assert (found.state, "belongs to another user" in found.reason) == (ItemState.UNKNOWN, True), found.reason


async def test_a_dashboard_that_cannot_be_read_is_kept_as_it_was(
    repository: Repository, back_up: Look, httpserver: HTTPServer
) -> None:
    def serve(uid: str, status: int = 200) -> None:
        content = {"dashboard": {"uid": uid, "title": uid}, "meta": {"folderUid": ""}}
        httpserver.expect_request(f"/api/dashboards/uid/{uid}").respond_with_json(content, status)

    listed = [{"uid": uid, "title": uid, "type": "dash-db"} for uid in ("a", "b")]
    httpserver.expect_request("/api/search", query_string="type=dash-db&limit=500&page=1").respond_with_json(
        listed
    )
    httpserver.expect_request("/api/search").respond_with_json([])
    serve("a")
    serve("b")
    url = httpserver.url_for("")
    assert (await back_up(url=url)).state is ItemState.OK
    httpserver.clear_all_handlers()
    httpserver.expect_request("/api/search", query_string="type=dash-db&limit=500&page=1").respond_with_json(
        listed
    )
    httpserver.expect_request("/api/search").respond_with_json([])
    serve("a")
    serve("b", 500)
    found = await back_up(url=url)
    assert (found.state, "1 dashboard could not be read" in found.reason) == (ItemState.ATTENTION, True)
    assert repository.files() == ["dashboards/general/a.json", "dashboards/general/b.json"]


async def test_a_server_that_gives_fewer_than_it_is_asked_for_is_asked_on(
    repository: Repository, back_up: Look, httpserver: HTTPServer
) -> None:
    uids = [f"d{number}" for number in range(5)]

    def page(request: Request) -> Response:
        begin = 2 * (int(request.args["page"]) - 1)
        listed = [{"uid": uid, "title": uid, "type": "dash-db"} for uid in uids[begin : begin + 2]]
        return Response(json.dumps(listed))

    httpserver.expect_request("/api/search").respond_with_handler(page)
    for uid in uids:
        content = {"dashboard": {"uid": uid}, "meta": {"folderUid": ""}}
        httpserver.expect_request(f"/api/dashboards/uid/{uid}").respond_with_json(content)
    found = await back_up(url=httpserver.url_for(""), remote=None)
    assert found.reason.startswith("5 dashboards; 5 added")
    uids.pop()
    assert "1 removed" in (await back_up(url=httpserver.url_for(""), remote=None)).reason
    assert len(repository.files()) == 4


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "{}", "role Viewer"),
        (403, "{}", "role Viewer"),
        (429, "{}", "run the check again later"),
        (302, "", "leads elsewhere"),
        (200, "<html>Grafana</html>", "is not that of Grafana"),
        (502, "", "answered 502"),
    ],
)
async def test_a_grafana_that_cannot_be_read_is_unknown(
    repository: Repository, back_up: Look, httpserver: HTTPServer, status: int, body: str, says: str
) -> None:
    httpserver.expect_request("/api/search").respond_with_data(body, status)
    found = await back_up(url=httpserver.url_for(""))
    assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason
    assert git(repository.path, "rev-list", "--all") == ""


async def test_a_grafana_that_is_away_and_a_token_that_is_not_there_are_unknown(back_up: Look) -> None:
    away = await back_up(url=f"http://127.0.0.1:{closed_port()}")
    assert (away.state, "refused" in away.reason) == (ItemState.UNKNOWN, True)
    missing = await back_up(token=SecretRef(env="NO_SUCH_TOKEN_HERE"))
    assert (missing.state, "NO_SUCH_TOKEN_HERE" in missing.reason) == (ItemState.UNKNOWN, True)


async def test_the_token_of_a_remote_goes_by_https_only(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    grafana.save("costs")
    (tmp_path / "remote-token").write_text("a-remote-token-0123")
    repository("remote", "set-url", "origin", "http://git.example.com/x.git")
    found = await back_up(remote_token=SecretRef(file=str(tmp_path / "remote-token")))
    assert (found.state, "https only" in found.reason) == (ItemState.ATTENTION, True), found.reason


async def test_the_token_of_a_remote_is_sent_and_told_nowhere(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path, httpserver: HTTPServer
) -> None:
    sent: list[str] = []

    def refuse(request: Request) -> Response:
        sent.append(request.headers.get("Authorization", ""))
        return Response("no", 403)

    httpserver.expect_request("/x.git/info/refs").respond_with_handler(refuse)
    grafana.save("costs")
    (tmp_path / "remote-token").write_text("a-remote-token-0123")
    repository("remote", "set-url", "origin", httpserver.url_for("/x.git"))
    found = await back_up(remote_token=SecretRef(file=str(tmp_path / "remote-token")), remote_user="ada")
    assert (found.state, "403" in found.reason) == (ItemState.ATTENTION, True), found.reason
    assert set(sent) == {"Basic " + base64.b64encode(b"ada:a-remote-token-0123").decode()}
    assert "a-remote-token" not in found.model_dump_json()
    assert "a-remote-token" not in (repository.path / ".git/config").read_text()


async def test_a_uid_never_becomes_a_path(
    repository: Repository, back_up: Look, httpserver: HTTPServer
) -> None:
    listed = [{"uid": "../../../evil", "title": "x", "type": "dash-db"}]
    httpserver.expect_request("/api/search", query_string="type=dash-db&limit=500&page=1").respond_with_json(
        listed
    )
    httpserver.expect_request("/api/search").respond_with_json([])
    httpserver.expect_request("/api/dashboards/uid/../../../evil").respond_with_json(
        {"dashboard": {"uid": "x"}, "meta": {"folderUid": ".."}}
    )
    found = await back_up(url=httpserver.url_for(""))
    assert found.state is ItemState.OK, found.reason
    (file,) = repository.files()
    assert file.startswith("dashboards/%2e2e/%")
    assert not (repository.path.parent / "evil.json").exists()
