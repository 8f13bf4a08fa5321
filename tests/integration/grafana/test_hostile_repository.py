"""A repository of the dashboards, and a remote, whose authors mean harm."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from models.checks.item import ItemState
from tests.integration.grafana.conftest import Grafana, Look, Repository, git


def clone_of(repository: Repository, below: Path) -> Path:
    git(below, "clone", "-q", "-b", "main", str(repository.remote), str(below / "clone"))
    return below / "clone"


def push(clone: Path) -> None:
    git(clone, "add", "-A")
    git(clone, "commit", "-qm", "theirs")
    git(clone, "push", "-q", "origin", "main")


def marking(tmp_path: Path) -> tuple[Path, Path]:
    """A program that leaves a mark where it ran."""
    program, mark = tmp_path / "marks", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\necho ran >{mark}\n")
    program.chmod(0o755)
    return program, mark


def signed(clone: Path) -> str:
    """The newest commit, with a signature of nobody."""
    head, _, message = git(clone, "cat-file", "commit", "HEAD").partition("\n\n")
    lines = ("gpgsig -----BEGIN PGP SIGNATURE-----", " ", " abc", " -----END PGP SIGNATURE-----")
    content = "\n".join((head, *lines, "", message, ""))
    command = ["git", "hash-object", "-w", "-t", "commit", "--stdin"]
    made = subprocess.run(command, cwd=clone, input=content, text=True, capture_output=True, check=True)
    return made.stdout.strip()


async def test_signatures_are_checked_by_no_program_of_the_repository(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    grafana.save("costs")
    await back_up()
    program, mark = marking(tmp_path)
    clone = clone_of(repository, tmp_path)
    git(clone, "commit", "--allow-empty", "-qm", "theirs")
    git(clone, "push", "-q", "origin", f"{signed(clone)}:refs/heads/main")
    repository("config", "merge.verifySignatures", "true")
    repository("config", "gpg.program", str(program))
    grafana.save("costs", refresh="1m")
    found = await back_up()
    assert (found.state, mark.exists()) == (ItemState.OK, False), found.reason


async def test_no_program_lists_what_is_borrowed_from_another_repository(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    grafana.save("costs")
    await back_up()
    program, mark = marking(tmp_path)
    repository.colleague()
    git(tmp_path, "clone", "-q", "--bare", str(repository.remote), str(tmp_path / "lender"))
    (repository.path / ".git/objects/info/alternates").write_text(f"{tmp_path}/lender/objects\n")
    repository("config", "core.alternateRefsCommand", str(program))
    found = await back_up()
    assert (found.state, mark.exists()) == (ItemState.OK, False), found.reason


async def test_a_name_that_is_no_text_is_removed_as_any_other(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    for uid in ("costs", "latency"):
        grafana.save(uid)
    await back_up()
    clone = clone_of(repository, tmp_path)
    for name in (b"\xff\xfe.json", b"two\nlines\x1b[31m.json", b"-f.json"):
        (clone / "dashboards/general" / os.fsdecode(name)).write_text("{}")
    push(clone)
    found = await back_up()
    assert found.state is ItemState.OK, found.reason
    assert "3 removed" in found.reason
    assert "\x1b" not in found.model_dump_json()
    assert repository.files() == ["dashboards/general/costs.json", "dashboards/general/latency.json"]
    assert "removed: general/two lines" in " ".join(repository("log", "-1", "--format=%B").split())


async def test_a_folder_or_a_file_that_leads_out_is_not_written_through(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    grafana.save("costs")
    await back_up()
    outside, other = tmp_path / "outside", tmp_path / "other.json"
    (outside / "general").mkdir(parents=True)
    other.write_text("kept")
    clone = clone_of(repository, tmp_path)
    (clone / "dashboards/general/costs.json").unlink()
    (clone / "dashboards/general/costs.json").symlink_to(other)
    push(clone)
    assert (await back_up()).state is ItemState.OK
    git(clone, "pull", "-q", "origin", "main")
    git(clone, "rm", "-rq", "dashboards")
    (clone / "dashboards").symlink_to(outside)
    push(clone)
    found = await back_up()
    assert found.state is ItemState.OK, found.reason
    assert (other.read_text(), list(outside.rglob("*.json"))) == ("kept", [])
    assert not (repository.path / "dashboards").is_symlink()


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "refs/heads/main.lock"])
async def test_a_lock_of_git_stops_it_before_anything_is_changed(
    grafana: Grafana, repository: Repository, back_up: Look, lock: str
) -> None:
    grafana.save("costs")
    await back_up()
    grafana.save("costs", refresh="1m")
    (repository.path / ".git" / lock).touch()
    found = await back_up()
    assert found.state is ItemState.ATTENTION
    assert f"or remove {repository.path}/.git/{lock}" in found.reason
    assert repository("status", "--porcelain") == "", "nothing is half done"
    (repository.path / ".git" / lock).unlink()
    assert (await back_up()).state is ItemState.OK


async def test_a_submodule_with_settings_of_its_own_runs_nothing(
    grafana: Grafana, repository: Repository, back_up: Look, tmp_path: Path
) -> None:
    for uid in ("costs", "latency"):
        grafana.save(uid)
    await back_up()
    program, mark = marking(tmp_path)
    clone = clone_of(repository, tmp_path)
    of = f"160000,{git(clone, 'rev-parse', 'HEAD')},dashboards/general/sub"
    git(clone, "update-index", "--add", "--cacheinfo", of)
    git(clone, "commit", "-qm", "theirs")
    git(clone, "push", "-q", "origin", "main")
    await back_up()
    inside = repository.path / "dashboards/general/sub"
    inside.mkdir(exist_ok=True)
    git(inside, "init", "-q")
    (inside / "file").write_text("x")
    git(inside, "add", "file")
    git(inside, "commit", "-qm", "x")
    git(inside, "config", "core.fsmonitor", str(program))
    grafana.save("costs", refresh="1m")
    await back_up()
    assert not mark.exists()


async def test_two_long_uids_that_begin_alike_are_two_files(
    repository: Repository, back_up: Look, httpserver: HTTPServer
) -> None:
    uids = [f"{'/' * 150}{one}" for one in "ab"]
    query = "type=dash-db&limit=500&page=1"
    listed = [{"uid": uid, "title": "the same", "type": "dash-db"} for uid in uids]
    httpserver.expect_request("/api/search", query_string=query).respond_with_json(listed)
    httpserver.expect_request("/api/search").respond_with_json([])
    for uid in uids:
        path = f"/api/dashboards/uid/{uid}"
        httpserver.expect_request(path).respond_with_json({"dashboard": {"uid": uid}, "meta": {}})
    found = await back_up(url=httpserver.url_for(""))
    assert found.reason.startswith("2 dashboards; 2 added"), found.reason
    assert len(repository.files()) == 2
