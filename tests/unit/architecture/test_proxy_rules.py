"""What the worker may ask of Docker: the rules of docker-compose.yml, against requests that it must not make.

That they let through what the product asks for is shown by
tests/integration/managers/test_proxy_rules_in_use.py.
"""

from __future__ import annotations

import re

import pytest

from tests.parts.product.production import FILE, RECREATE, rules_of
from tests.parts.servers.ruled_socket import Rules

ID = "3f4c9a1b2d5e"
NEVER = [
    ("POST", f"/v1.41/containers/{ID}/exec"),
    ("POST", "/v1.41/exec/abc/start"),
    ("GET", "/v1.41/exec/abc/json"),
    ("POST", f"/v1.41/containers/{ID}/attach"),
    ("GET", f"/v1.41/containers/{ID}/attach/ws"),
    ("POST", f"/v1.41/containers/{ID}/kill"),
    ("GET", f"/v1.41/containers/{ID}/top?ps_args=axe"),
    ("GET", f"/v1.41/containers/{ID}/archive?path=/etc"),
    ("PUT", f"/v1.41/containers/{ID}/archive?path=/etc"),
    ("GET", f"/v1.41/containers/{ID}/export"),
    ("POST", "/v1.41/containers/prune"),
    ("POST", f"/v1.41/commit?container={ID}"),
    ("POST", "/v1.41/build"),
    ("POST", "/v1.41/images/create?fromImage=alpine"),
    ("POST", "/v1.41/images/load"),
    ("GET", "/v1.41/images/get?names=alpine"),
    ("POST", "/v1.41/images/prune"),
    ("DELETE", "/v1.41/images/alpine"),
    ("POST", "/v1.41/images/alpine/push"),
    ("POST", "/v1.41/images/alpine/tag?repo=backend"),
    ("POST", "/v1.41/volumes/create"),
    ("POST", "/v1.41/volumes/prune"),
    ("DELETE", "/v1.41/volumes/postgres"),
    ("POST", "/v1.41/networks/create"),
    ("POST", "/v1.41/networks/prune"),
    ("POST", "/v1.41/networks/backend/disconnect"),
    ("DELETE", "/v1.41/networks/backend"),
    ("POST", "/v1.41/swarm/init"),
    ("POST", "/v1.41/services/create"),
    ("GET", "/v1.41/secrets"),
    ("GET", "/v1.41/configs"),
    ("GET", "/v1.41/nodes"),
    ("GET", "/v1.41/plugins"),
    ("POST", "/v1.41/plugins/pull?remote=evil"),
    ("POST", "/v1.41/session"),
    ("POST", "/v1.41/grpc"),
    ("POST", "/v1.41/auth"),
    ("GET", "/v1.41/system/df"),
    ("OPTIONS", "/v1.41/containers/json"),
    ("PATCH", f"/v1.41/containers/{ID}/json"),
]
ONLY_TO_RECREATE = [
    ("POST", "/v1.41/containers/create?name=backend"),
    ("DELETE", f"/v1.41/containers/{ID}?force=1"),
    ("POST", f"/v1.41/containers/{ID}/rename?name=backend"),
    ("GET", "/v1.41/images/shop/backend:1.4.2/json"),
    ("GET", "/v1.41/networks"),
    ("GET", "/v1.41/volumes"),
]
NEEDED = [
    ("HEAD", "/_ping"),
    ("GET", "/v1.41/events?since=0&until=1"),
    ("GET", "/version"),
    ("GET", "/v1.41/containers/json?all=1"),
    ("GET", "/v1.51/containers/ai-affiliate-backend/json"),
    ("GET", f"/v1.41/containers/{ID}/logs?tail=50"),
    ("POST", f"/v1.41/containers/{ID}/restart?t=10"),
    ("POST", f"/v1.41/containers/{ID}/update"),
    ("GET", "/v1.41/networks/backend"),
    ("POST", "/v1.41/networks/backend/connect"),
]
DISGUISED = [
    # Around the anchors: what stands before or behind a path that is allowed.
    ("GET", f"/v1.41/secrets/containers/{ID}/json"),
    ("GET", f"/v1.41/containers/{ID}/json/../archive"),
    ("GET", "/v1.41/version/../secrets"),
    ("GET", "/secrets/_ping"),
    ("HEAD", "/_ping/../containers/json"),
    # Out of the name: up a directory, plainly and encoded, and a second name.
    ("GET", "/v1.41/containers/../json"),
    ("GET", f"/v1.41/containers/{ID}%2Farchive%2F..%2F..%2Fx/json"),
    ("POST", "/v1.41/containers/%2e%2e/start"),
    ("POST", f"/v1.41/containers/{ID}/exec%2F..%2Fstart"),
    ("POST", f"/v1.41/containers/{ID}%0a/start"),
    ("POST", f"/v1.41/containers/{ID}/start%0a"),
    ("GET", "/v1.41/images/../secrets/json"),
    ("GET", "/v1.41/images//json"),
    ("POST", f"//containers/{ID}/start"),
    ("POST", f"/v1.41.1/containers/{ID}/start"),
    ("POST", f"/v1%2E12/containers/{ID}/start"),
    ("POST", f"http://docker/v1.12/containers/{ID}/start"),
]
ROOT_BY_START = [*(f"/v1.{minor}" for minor in range(24)), "/v1.012", "/v01.12", "/v0.41", "/v1", "/v"]
"""Versions in which `start` takes mounts and privileges, and ways to write them."""
WITHOUT_VERSION = {("HEAD", "/_ping"), ("GET", "/_ping"), ("GET", "/version")}

BASE = Rules.of(rules_of(FILE))
WIDER_OPTIONS = rules_of(FILE, RECREATE, RUNBOOKS_STACK="/srv/stack")
WIDER = Rules.of(WIDER_OPTIONS)
BOTH = pytest.mark.parametrize("rules", [BASE, WIDER], ids=["as shipped", "recreate"])


@BOTH
@pytest.mark.parametrize(("method", "path"), [*NEVER, *DISGUISED])
def test_never(rules: Rules, method: str, path: str) -> None:
    assert rules.refusal(method, path) in (403, 405)


@BOTH
@pytest.mark.parametrize(("method", "path"), NEEDED)
def test_needed(rules: Rules, method: str, path: str) -> None:
    assert rules.refusal(method, path) is None


@BOTH
@pytest.mark.parametrize("version", [*ROOT_BY_START, "", "/v1.100", "/v2.24"])
def test_only_versions_from_1_24_are_let_through(rules: Rules, version: str) -> None:
    for method, path in (*NEEDED, *ONLY_TO_RECREATE):
        asked = version + re.sub(r"^/v1\.[0-9]+", "", path)
        assert (method, asked) in WITHOUT_VERSION or rules.refusal(method, asked) in (403, 405), asked


@BOTH
@pytest.mark.parametrize("minor", [24, 29, 30, 41, 54, 99])
def test_every_version_from_1_24_is_let_through(rules: Rules, minor: int) -> None:
    for method, path in NEEDED:
        assert rules.refusal(method, re.sub(r"^/v1\.[0-9]+", f"/v1.{minor}", path)) is None


@pytest.mark.parametrize(("method", "path"), ONLY_TO_RECREATE)
def test_creating_and_removing_is_a_right_of_its_own(method: str, path: str) -> None:
    assert BASE.refusal(method, path) in (403, 405)
    assert WIDER.refusal(method, path) is None


def test_recreated_containers_mount_only_the_stack() -> None:
    assert "-allowbindmountfrom=/srv/stack" in WIDER_OPTIONS


def test_what_differs_is_only_what_is_allowed() -> None:
    """The wider file repeats the proxy's options: none may be lost on the way."""
    base = {option for option in rules_of(FILE) if not option.startswith("-allow")}
    assert base == {option for option in WIDER_OPTIONS if not option.startswith("-allow")}


def test_no_rule_is_open_at_its_ends() -> None:
    """The proxy anchors the text without brackets: an alternative outside of brackets would be open."""
    for options in (rules_of(FILE), WIDER_OPTIONS):
        for pattern in Rules.of(options).patterns.values():
            assert pattern.search("anything/_ping") is None
            assert pattern.search("/_ping/anything") is None
            depth = 0
            for character in pattern.pattern:
                depth += {"(": 1, ")": -1}.get(character, 0)
                assert depth > 0 or character != "|", pattern.pattern
