"""`python -m demo --check …` as a person runs it: both reports are written, and everybody can read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.demo.test_run import ended, left_running, started
from tests.parts.product.report_tab import SCHEMES, SIZES, Open

pytest_plugins = ["tests.parts.servers.report_tabs"]


@pytest.mark.parametrize(("check", "changed"), [("weekly", "changed: backup of affiliate was ok and is bad")])
async def test_a_check_finds_what_broke(tmp_path: Path, opened: Open, check: str, changed: str) -> None:
    with started(tmp_path, "--check", check) as demo:
        code = await ended(demo, within=120)
    said = (tmp_path / "said").read_text()
    assert code == 0, said
    assert changed in said
    assert left_running(tmp_path) == []
    first, second = (Path(one) for one in re.findall(r"^report +(\S+)$", said, re.MULTILINE))
    assert first.exists()
    for size in SIZES:
        for scheme in SCHEMES:
            tab = await opened(second, size, scheme, asked=True)
            await tab.is_for_everybody(size, scheme, check)
