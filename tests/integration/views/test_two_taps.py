"""A real incident on a phone: from the link in its message to an approved rollback, and on to its review."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from activities.review.html_page import as_html
from models.actions.surroundings import SetEnvironment
from models.incident.announcement import Occasion
from models.service.service import Service, SupervisordManager
from tests.integration.views.messages import PHONE, delivered
from tests.parts.product.intake import CONFIGURATION, environment, intake_process, until
from tests.parts.product.report_tab import SCHEMES, SIZES
from tests.parts.product.view_tab import ViewTab
from tests.parts.scenarios.real_time import in_real_time
from tests.workflows.harness import Harness
from tests.workflows.scenes import deployed, failing

pytest_plugins = ["tests.parts.servers.browser"]


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with in_real_time() as harness:
        yield harness


@pytest.mark.parametrize("script", [True, False])
async def test_from_the_link_in_the_message_to_an_approved_rollback_and_its_review(
    harness: Harness, chromium: Browser, tmp_path: Path, script: bool
) -> None:
    await deployed(failing())(harness)
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    asked = (await harness.until(handle, "awaiting approval")).awaiting
    assert asked is not None
    assert asked.plan.says == "roll backend back from backend:2 to backend:1"
    config = tmp_path / "runbooks.yaml"
    reviews = f"directories: {{state: {tmp_path}, reviews: {tmp_path}/reviews}}"
    config.write_text(f"{CONFIGURATION}\n{reviews}\n")
    server = harness.env.client.service_client.config.target_host
    async with intake_process(config, environment(server)) as intake:
        question = next(one for one in harness.world.told if one.plans)
        assert question.occasion.wakes
        mine = question.model_copy(update={"first_of": (PHONE,), "occasion": Occasion.APPROVAL})
        address = (await delivered(mine, intake.url)).links[0].address
        width, height = SIZES["phone"]
        context = await chromium.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=script
        )
        context.set_default_timeout(20_000)
        tab = ViewTab(await context.new_page(), intake.url)
        await tab.open(address.removeprefix(intake.url))  # the first tap
        settings = tab.page.get_by_role("row", name="version backend:2 backend:1")
        await expect(settings).to_be_visible()
        await tab.page.get_by_role("button", name="Approve").click()  # the second
        await expect(tab.page.get_by_text("(anna, through a signed link)").first).to_be_visible()
        await harness.end(handle)
        review = tab.page.get_by_role("heading", name="Post-incident review: HighErrorRate/backend")

        async def loaded_again() -> bool:
            await tab.open("/incidents/HighErrorRate/backend")
            return await review.count() > 0

        if not script:
            await until(loaded_again, within=20)
        await expect(review).to_be_visible(timeout=20_000)
        done = tab.page.get_by_role("listitem").filter(has_text="approved by anna")
        await expect(done.first).to_be_visible()
        chart = tab.page.get_by_role("img", name="Where the time went")
        await expect(chart).to_be_visible()
        await expect(tab.page.get_by_role("cell", name="waiting for a decision").first).to_be_visible()
        assert tab.other_hosts == set()
        for scheme in SCHEMES if script else ():
            again = await chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                bypass_csp=True,  # axe-core is a script of another one
                storage_state=await context.storage_state(),
            )
            asked_again = ViewTab(await again.new_page(), intake.url)
            await asked_again.open("/incidents/HighErrorRate/backend")
            await expect(asked_again.page.get_by_role("img", name="Where the time went")).to_be_visible()
            await asked_again.is_for_everybody(scheme, f"review-{scheme}")
            await again.close()
        await context.close()
    assert [one.partition(" backend")[0] for one in harness.world.done] == ["roll"]


def test_each_setting_is_shown_as_it_is_and_as_it_will_be_and_no_secret() -> None:
    service = Service(name="backend", manager=SupervisordManager(program="backend", socket="/s"))
    change = SetEnvironment(
        service=service,
        file="/srv/.env",
        values={"DB_POOL_SIZE": "20", "NEW": "1", "DB_PASSWORD": "hunter2hunter2"},
        diff="--- /srv/.env\n-DB_POOL_SIZE=10\n+DB_POOL_SIZE=20\n+NEW=1\n-DB_PASSWORD=letmein123",
    )
    assert [(one.name, one.now, one.then) for one in change.sets] == [
        ("DB_POOL_SIZE", "10", "20"),
        ("NEW", "", "1"),
        ("DB_PASSWORD", "[redacted]", "[redacted]"),
    ]


def test_a_review_brings_no_markup_of_others() -> None:
    page = as_html("# A\n\n<script>x</script> ![p](http://evil.example/x) [l](javascript:alert(1))", {}, 2)
    assert "<script" not in page
    assert "<img" not in page
    assert "evil.example" not in page, "not even as a link"
    assert 'href="javascript' not in page
    assert "<h3>A</h3>" in page
