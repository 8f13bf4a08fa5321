"""Which names are a unit of systemd: one service, and never an option or a pattern."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from models.service.service import SystemdManager


@pytest.mark.parametrize(
    "name",
    [
        *("shop", "shop.socket", "-.service", "--now.service", "*.service", "sh?p.service", "[a-z].service"),
        *("shop@.service", "a b.service", "../x.service", "a/b.service", "shop.service\n", "a\x00.service"),
        *("shop.service.service x", "é.service", ".service", f"{'a' * 250}.service"),
    ],
)
def test_only_one_whole_service_is_a_unit(name: str) -> None:
    with pytest.raises(ValidationError):
        SystemdManager(unit=name)


@pytest.mark.parametrize(
    "name", ["shop.service", "shop@1.service", r"a\x2db.service", "s:h_o.p@web-1.service"]
)
def test_services_and_instances_are(name: str) -> None:
    assert SystemdManager(unit=name).unit == name
