"""Dashboards from Grafana's API into a real repository with a bare remote."""

from __future__ import annotations

import json
from pathlib import Path

from activities.grafana.git import Git
from models.checks.item import ItemState
from tests.integration.grafana.conftest import Grafana, Look, Repository, git


async def test_one_commit_when_something_changed_and_none_otherwise(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.folder("ops")
    grafana.save("latency", "Latency", "ops", refresh="5s")
    grafana.save("costs", "Costs")
    first = await back_up()
    assert (first.state, first.reason.split(", in")[0]) == (ItemState.OK, "2 dashboards; 2 added")
    assert "pushed to origin" in first.reason
    assert repository.files() == ["dashboards/general/costs.json", "dashboards/ops/latency.json"]
    assert repository.pushed() == repository("rev-parse", "HEAD")
    assert repository("status", "--porcelain") == ""
    again = await back_up()
    assert (again.state, again.reason) == (ItemState.OK, "2 dashboards, none changed")
    grafana.save("costs", "Costs")  # saved again unchanged: only its version counts on
    assert (await back_up()).reason == "2 dashboards, none changed"
    assert repository.commits == 1
    grafana.save("costs", "Costs", refresh="1m")
    grafana.delete("latency")
    grafana.save("new", "New")
    third = await back_up()
    assert third.reason.startswith("2 dashboards; 1 added, 1 changed, 1 removed, in commit ")
    assert repository.files() == ["dashboards/general/costs.json", "dashboards/general/new.json"]
    assert repository("log", "-1", "--format=%s|%an <%ae>") == (
        "Dashboards of 127.0.0.1: 1 added, 1 changed, 1 removed|runbooks <runbooks@localhost>"
    )
    assert repository.pushed() == repository("rev-parse", "HEAD")
    assert [row[2] for row in third.tables[0].rows] == ["added", "changed", "removed"]


async def test_a_dashboard_that_moved_to_another_folder_is_there_once(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.folder("ops")
    grafana.save("costs")
    await back_up()
    grafana.save("costs", folder="ops")
    assert (await back_up()).state is ItemState.OK
    assert repository.files() == ["dashboards/ops/costs.json"]


async def test_what_is_written_is_sorted_and_without_secrets(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    target = {"refId": "A", "expr": 'sum(rate(http_requests_total{token="x"}[5m]))'}
    headers = [{"key": "Authorization", "value": "Basic YWRhOnNlY3JldA=="}, {"key": "Accept", "value": "*/*"}]
    grafana.save(
        "secret",
        iteration=1700000000000,
        panels=[
            {
                "targets": [target, {"url": "https://ada:hunter2@api.example.com/x?token=abcdef&range=5m"}],
                "url_options": {"headers": headers},
                "libraryPanel": {"uid": "l", "name": "Lib", "version": 7, "meta": {"updated": "now"}},
            }
        ],
        annotations={"list": [{"url": "https://example.com/a?api_key=${key}"}]},
        templating={
            "list": [
                {"name": "api_token", "type": "textbox", "query": "s3cret", "current": {"value": "s3cret"}},
                {"name": "key", "type": "constant", "query": "fine"},
            ]
        },
    )
    found = await back_up()
    text = (repository.path / "dashboards/general/secret.json").read_text()
    for secret in ("hunter2", "abcdef", "YWRhOnNlY3JldA", "s3cret"):
        assert secret not in text
    kept = json.loads(text)
    assert list(kept) == sorted(kept)
    assert not {"id", "version", "iteration"} & set(kept)
    (panel,) = kept["panels"]
    assert panel["targets"][0] == target
    assert panel["targets"][1]["url"] == "https://[redacted]@api.example.com/x?token=[redacted]&range=5m"
    assert panel["url_options"]["headers"][1] == {"key": "Accept", "value": "*/*"}
    assert panel["libraryPanel"] == {"uid": "l", "name": "Lib"}
    assert kept["annotations"]["list"][0]["url"].endswith("api_key=${key}")
    assert kept["templating"]["list"][1]["query"] == "fine"
    assert "taken out of them: 5 secrets" in found.details


async def test_what_a_person_has_there_is_never_lost(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    (repository.path / "notes.md").write_text("committed\n")
    repository("add", "notes.md")
    repository("commit", "-qm", "notes")
    (repository.path / "notes.md").write_text("changed and not committed\n")
    (repository.path / "staged.md").write_text("staged\n")
    repository("add", "staged.md")
    (repository.path / "draft.md").write_text("not even added\n")
    grafana.save("costs", refresh="1m")
    found = await back_up()
    assert (found.state, "1 changed" in found.reason) == (ItemState.OK, True), found.reason
    assert repository("status", "--porcelain").splitlines() == ["M notes.md", "A  staged.md", "?? draft.md"]
    assert repository.files() == ["dashboards/general/costs.json", "notes.md"]


async def test_a_dashboard_that_a_person_edited_there_stops_it(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    file = repository.path / "dashboards/general/costs.json"
    file.write_text("edited by hand")
    grafana.save("costs", refresh="1m")
    found = await back_up()
    assert (found.state, "costs.json" in found.reason) == (ItemState.ATTENTION, True)
    assert "commit or remove them" in found.reason
    assert file.read_text() == "edited by hand"
    repository("checkout", "--", "dashboards")
    assert (await back_up()).state is ItemState.OK


async def test_a_file_of_a_person_beside_the_dashboards_stays(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    (repository.path / "dashboards").mkdir()
    (repository.path / "dashboards/README.md").write_text("what this is\n")
    repository("add", ".")
    repository("commit", "-qm", "readme")
    grafana.save("costs")
    assert (await back_up()).state is ItemState.OK
    assert "dashboards/README.md" in repository.files()


async def test_hooks_do_not_run(grafana: Grafana, repository: Repository, back_up: Look) -> None:
    grafana.save("costs")
    marker = repository.path.parent / "ran"
    names = (
        "pre-commit",
        "post-commit",
        "post-merge",
        "pre-push",
        "reference-transaction",
        "post-index-change",
    )
    for name in names:
        hook = repository.path / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
        hook.chmod(0o755)
    assert (await back_up()).state is ItemState.OK
    assert not marker.exists()
    assert repository("log", "-1", "--format=%ae") == "runbooks@localhost"


async def test_filters_do_not_run(grafana: Grafana, repository: Repository, back_up: Look) -> None:
    grafana.save("costs")
    marker = repository.path.parent / "ran"
    (repository.path / ".git" / "info" / "attributes").write_text("* filter=odd.one\n")
    for key in ("clean", "smudge", "process"):
        repository("config", f"filter.odd.one.{key}", f"touch {marker}; cat")
    repository("config", "filter.odd.one.required", "true")
    found = await back_up()
    assert (found.state, marker.exists()) == (ItemState.OK, False), found.reason
    repository.colleague()
    grafana.save("costs", refresh="1m")
    assert (await back_up()).state is ItemState.OK
    assert not marker.exists()


def test_the_settings_of_a_user_are_not_read(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\nname = somebody\n")
    git = Git(repository.path, {"HOME": str(tmp_path)})
    assert git.succeeds("config", "remote.origin.url")
    assert not git.succeeds("config", "user.name")


async def test_without_a_remote_it_is_only_committed(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    found = await back_up(remote=None)
    assert (found.state, "pushed" in found.reason) == (ItemState.OK, False)
    assert (repository.commits, repository.pushed()) == (1, "")
    assert "pushed to origin" in (await back_up()).reason, "later, although nothing changed"
    assert repository.pushed() == repository("rev-parse", "HEAD")


async def test_what_colleagues_pushed_is_taken_over_first(
    grafana: Grafana, repository: Repository, back_up: Look
) -> None:
    grafana.save("costs")
    await back_up()
    repository.colleague()
    grafana.save("costs", refresh="1m")
    assert (await back_up()).state is ItemState.OK
    assert "their.md" in repository.files()
    assert git(repository.remote, "rev-parse", "main") == repository("rev-parse", "HEAD")
