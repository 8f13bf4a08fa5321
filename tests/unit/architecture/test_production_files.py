"""docker-compose.yml and what lies beside it, as Compose reads them: no engine is needed."""

from __future__ import annotations

import re

from tests.parts.product.production import FILE, OWN_TEMPORAL, RECREATE, ROOT, RULES, USER, described


def test_every_container_is_confined() -> None:
    for name, service in described(FILE)["services"].items():
        assert service["user"] == f"{USER}:{USER}", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert int(service["mem_limit"]) <= 2**30, name
        assert service["pids_limit"], name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert not {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"} & service.keys(), name
        sockets = [mount for mount in service.get("volumes", ()) if mount.get("source", "").endswith(".sock")]
        assert bool(sockets) == (name == RULES), name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ())), name
    services = described(FILE)["services"]
    assert [name for name, service in services.items() if service.get("network_mode") == "host"] == ["worker"]
    assert services["worker"]["stop_grace_period"] == "40s"


def test_a_temporal_of_ones_own_takes_the_place_of_ours() -> None:
    services = described(FILE, OWN_TEMPORAL, TEMPORAL_ADDRESS="temporal.example:7233")["services"]
    assert "temporal" not in services
    for name in ("worker", "intake"):
        assert services[name]["environment"]["TEMPORAL_ADDRESS"] == "temporal.example:7233"


def test_recreating_mounts_the_stack_where_its_labels_say() -> None:
    worker = described(FILE, RECREATE, RUNBOOKS_STACK="/srv/stack")["services"]["worker"]
    (stack,) = (mount for mount in worker["volumes"] if mount["source"] == "/srv/stack")
    assert stack["target"] == stack["source"]
    assert stack["read_only"] is True


def test_the_image_is_locked_to_what_was_tested() -> None:
    """Every package of the image stands in the lock of the tests too, with the same version and hashes."""
    tested, shipped = (
        set(re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()))
        for lock in ("requirements.lock", "deploy/image.lock")
    )
    assert shipped - tested == set()
    assert any(package.startswith("temporalio==") for package in shipped)
    assert not any(package.startswith(("pytest", "mypy", "playwright")) for package in shipped)
