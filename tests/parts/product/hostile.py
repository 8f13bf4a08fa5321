"""Words that would do something where they are not taken as text."""

from __future__ import annotations

from models.checks.item import Figure, Item, ItemResult, ItemState, Table
from models.incident.report import Chart, ChartKind, Series

SCRIPT = (
    "</title></style></svg></table>\"'><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    "{{ 7*7 }}{% raw %}\x00\x1b[31m\u202egnp.exe\u200b<!-- ]]> | `x` "
    "[a](javascript:window.hacked=1) #\n# heading"
)
ADDRESSES = (
    "javascript:window.hacked=1",
    " java\nscript:window.hacked=1",
    "data:text/html,<script>window.hacked=1</script>",
    "vbscript:x",
    "//evil.example.com",
    "file:///etc/passwd",
    'https://grafana.example.com/"onmouseover="window.hacked=1',
    "http://[::1",
)


def hostile_items() -> tuple[Item, ...]:
    """Each text of an item is such words, and each address is none that a page should follow."""
    values = tuple(float(one) for one in range(3))
    chart = Chart(
        name="x",
        kind=ChartKind.LINE,
        title=SCRIPT,
        says=SCRIPT,
        labels=(SCRIPT, SCRIPT, ""),
        series=(Series(name=SCRIPT, values=values, low=values, high=values),),
        unit=SCRIPT,
        line=float("inf"),
    )
    return tuple(
        Item(
            name=f"{place} {SCRIPT}",
            found=ItemResult(
                state=ItemState.BAD,
                reason=SCRIPT,
                threshold=SCRIPT,
                link=address,
                details=(SCRIPT, "x" * 2000),
                figures=(Figure(name=SCRIPT, value=float("nan"), unit=SCRIPT), Figure(name="n", value=1e300)),
                tables=(
                    Table(title=SCRIPT, columns=(SCRIPT, "b"), rows=((SCRIPT,), (SCRIPT, "x" * 500, SCRIPT))),
                    Table(title="", columns=(), rows=()),
                ),
                charts=(chart,),
            ),
            started=(SCRIPT,),
        )
        for place, address in enumerate(ADDRESSES)
    )
