"""The key by which decisions are signed: made once, for its own user; or named by the configuration."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from activities.people.keys import FILE, SHORTEST, SigningKeys
from activities.support.secrets import SecretMissing
from models.configuration.configuration import Configuration
from models.incident.policy import ApprovalPolicy


def keys(state: Path, *files: Path) -> SigningKeys:
    content = {
        "directories": {"state": str(state)},
        "approvals": {"keys": [{"file": str(file)} for file in files]},
    }
    configuration = Configuration.model_validate(content)
    return SigningKeys(lambda: configuration)


def key_file(path: Path, key: str) -> Path:
    path.write_text(f"{key}\n")
    return path


def test_the_first_start_makes_a_key_for_its_own_user_and_group(tmp_path: Path) -> None:
    state = tmp_path / "new" / "var"
    made = keys(state)
    assert made.make_if_missing() == state / FILE
    key = made.newest()
    assert len(key) >= SHORTEST
    assert (state / FILE).stat().st_mode & 0o777 == 0o640
    assert list((state / FILE).parent.iterdir()) == [state / FILE], "no draft is left"
    assert keys(state).make_if_missing() is None
    assert keys(state).all() == (key,), "a restart keeps it"


def test_of_workers_that_start_at_once_one_makes_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        made = list(workers.map(lambda _: keys(tmp_path).make_if_missing(), range(8)))
    assert [one for one in made if one] == [tmp_path / FILE]


def test_where_the_configuration_names_keys_none_is_made(tmp_path: Path) -> None:
    named = key_file(tmp_path / "named", "n" * SHORTEST)
    assert keys(tmp_path, named).make_if_missing() is None
    assert not (tmp_path / FILE).exists()


def test_the_newest_signs_and_an_old_one_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    new, old = key_file(tmp_path / "new", "n" * SHORTEST), key_file(tmp_path / "old", "o" * SHORTEST)
    both = keys(tmp_path, new, old)
    assert (both.newest(), both.all()) == ("n" * SHORTEST, ("n" * SHORTEST, "o" * SHORTEST))
    old.unlink()
    assert both.all() == ("n" * SHORTEST,)


def test_a_key_that_is_missing_or_too_short_is_named_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match=f"cannot read {tmp_path / FILE}"):
        keys(tmp_path).all()
    short = key_file(tmp_path / "short", "s" * (SHORTEST - 1))
    with pytest.raises(SecretMissing, match="too short: it needs 32 characters"):
        keys(tmp_path, short).newest()


def test_the_names_of_keys_are_in_no_policy_that_a_run_takes() -> None:
    policy = ApprovalPolicy.model_validate({"keys": [{"file": "/etc/runbooks/key"}]})
    assert "/etc/runbooks/key" not in policy.model_dump_json()
