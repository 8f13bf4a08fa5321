"""`python -m demo --check …` as a person runs it: both reports are written, and everybody can read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.demo.test_run import ended, left_running, started
from tests.parts.product.report_tab import SCHEMES, SIZES, Open

pytest_plugins = ["tests.parts.servers.report_tabs"]


SAYS = {
    "daily": "changed: health of backend was ok and is bad",
    "weekly": "changed: backup of affiliate was ok and is bad",
    "monthly": "! attention forecast of the size of postgres: the size of postgres is ",
}


@pytest.mark.parametrize(("check", "says"), SAYS.items(), ids=list(SAYS))
async def test_a_check_on_the_stack_ends_in_a_report_for_everybody(
    tmp_path: Path, opened: Open, check: str, says: str
) -> None:
    with started(tmp_path, "--check", check) as demo:
        code = await ended(demo, within=150)
    said = (tmp_path / "said").read_text()
    assert code == 0, said
    assert says in said
    assert left_running(tmp_path) == []
    reports = [Path(one) for one in re.findall(r"^report +(\S+)$", said, re.MULTILINE)]
    for size in SIZES:
        for scheme in SCHEMES:
            tab = await opened(reports[-1], size, scheme, asked=True)
            await tab.is_for_everybody(size, scheme, check)
