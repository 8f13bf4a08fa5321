"""How the setting of a heap would change, in a real env file."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.files.environment import EnvironmentProposal
from activities.files.heap_limit import HeapLimitActivities, ProposeHeapLimit
from activities.managers import Managers
from models.service.service import Service

GIB = 2**30


def propose(
    directory: Path,
    text: str | None,
    memory: int | None = None,
    in_force: int | None = None,
    **limit: object,
) -> EnvironmentProposal:
    file = directory / ".env"
    if text is not None:
        file.write_text(text)
    service = Service.model_validate(
        {
            "name": "backend",
            "manager": {"kind": "supervisord", "program": "web", "socket": str(directory / "none.sock")},
            "env_file": str(file),
            "heap_limit": limit,
        }
    )
    request = ProposeHeapLimit(service=service, memory=memory, in_force=in_force)
    return ActivityEnvironment().run(HeapLimitActivities(Managers()).propose_heap_limit, request)


@pytest.mark.parametrize(
    ("stands", "becomes"),
    [
        ("A=1\n", "--max-old-space-size=4096"),
        ("NODE_OPTIONS=--max-old-space-size=2048\n", "--max-old-space-size=4096"),
        (
            'NODE_OPTIONS="--enable-source-maps --max-old-space-size=2048 -r ./tracing.js"\n',
            "--enable-source-maps -r ./tracing.js --max-old-space-size=4096",
        ),
        ("NODE_OPTIONS=--max_old_space_size=1024\n", "--max-old-space-size=4096"),
        ('NODE_OPTIONS="--max-old-space-size 1024"\n', "--max-old-space-size=4096"),
        (
            'NODE_OPTIONS="--max-old-space-size=8192 --max-old-space-size=512"\n',
            "--max-old-space-size=4096",
        ),
        (
            "NODE_OPTIONS=--max-old-space-size-percentage=50\n",
            "--max-old-space-size-percentage=50 --max-old-space-size=4096",
        ),
    ],
    ids=[
        "no setting",
        "a lower limit",
        "other options",
        "underscores",
        "a blank",
        "the last counts",
        "not it",
    ],
)
def test_the_limit_is_raised_and_other_options_are_kept(tmp_path: Path, stands: str, becomes: str) -> None:
    proposal = propose(tmp_path, stands)
    assert proposal.ok, proposal.reason
    assert proposal.values == {"NODE_OPTIONS": becomes}
    assert "+NODE_OPTIONS=" in proposal.diff


@pytest.mark.parametrize("stands", ["--max-old-space-size=4096", "--max-old-space-size=8192"])
def test_a_limit_is_never_lowered(tmp_path: Path, stands: str) -> None:
    proposal = propose(tmp_path, f"NODE_OPTIONS={stands}\n")
    assert (proposal.ok, proposal.unchanged, proposal.values) == (False, True, {})


def test_a_heap_that_does_not_fit_into_the_container_is_not_offered(tmp_path: Path) -> None:
    """The kernel would end the process long before its heap is full."""
    refused = propose(tmp_path, "A=1\n", memory=4 * GIB)
    assert (refused.unknown, "does not fit into the 4 GiB" in refused.reason) == (True, True)
    assert propose(tmp_path, "A=1\n", memory=8 * GIB).ok


def test_what_is_set_and_not_in_force_is_said(tmp_path: Path) -> None:
    """The file was edited, and the process is older; what Node.js counts beside is no difference."""
    old = propose(tmp_path, "NODE_OPTIONS=--max-old-space-size=4096\n", in_force=2 * GIB)
    assert (old.ok, old.unchanged) == (False, True)
    assert "gives its heap 4 GiB, but Node.js reports 2 GiB" in old.reason
    about = propose(tmp_path, "NODE_OPTIONS=--max-old-space-size=4096\n", in_force=4 * GIB - 10)
    assert about.reason == "its heap may have 4 GiB already"


def test_a_limit_that_is_as_high_without_the_setting_is_not_raised(tmp_path: Path) -> None:
    """By an option of its command, or because Node.js takes it from the memory of the machine."""
    high = propose(tmp_path, "A=1\n", in_force=8 * GIB)
    assert (high.ok, high.unchanged, high.values) == (False, True, {})
    assert "Node.js reports that its heap may have 8 GiB already" in high.reason
    assert propose(tmp_path, "A=1\n", in_force=2 * GIB).ok


def test_a_file_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    assert propose(tmp_path, None).unknown
