"""What a new runbook begins with: files that run, and a test that fails until its causes are written."""

from __future__ import annotations

from string import Template

WORKFLOW = Template('''"""$name: say here in one line what the alert means."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.verifications as verifications
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from workflows.diagnosis.causes import Cause
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

CAUSES: tuple[Cause, ...] = ()


@workflow.defn
class $name(Runbook):
    """Say here what the alert means."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(looks.health, looks.process, looks.recent_logs, looks.history)
        await incident.confirm(looks.health, looks.process)
        await incident.act(incident.diagnose(CAUSES))
        await incident.stays(verifications.HEALTHY)
''')

PAGE = Template("""# $name

**Say here in one line what the alert means.**

## When it fires

By a rule of yours, or by hand: `python starter.py fire $name --service SERVICE`.

## What it looks at

The health check, the state and the log of the service.

## What it may be, and what is done

<!-- generated: causes $name -->
<!-- end -->

## Configure it

```yaml
alerts:
  $name: {severity: critical}
```
""")

SCENARIO = Template('''"""$name: every cause, broken for real; write the causes first, in $where."""

from __future__ import annotations

from tests.parts.scenarios.scenario import Scenario
from tests.workflows.rows import Row
from tests.workflows.scenes import scene

SCENARIOS: tuple[Scenario, ...] = ()

ROWS = (Row("write the causes in $where", scene()),)
''')

PACKAGE = Template('''"""What this package brings; `runbooks.yaml` names it: `runbooks: [$package]`."""

from __future__ import annotations

from $package.$module import $name
from workflows.packages.package import Package

PACKAGE = Package(built_for="$built_for", runbooks=($name,))
''')

TEST = Template('''"""$name: the package fits the product, and every cause is written."""

from __future__ import annotations

from $package.$module import CAUSES, $name
from runtime.hosted.packages import load


def test_the_product_takes_the_package() -> None:
    assert $name in load("$package").runbooks


def test_its_causes_are_written() -> None:
    assert CAUSES, "write the causes in $where"
''')
