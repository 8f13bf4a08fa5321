"""The Temporal UI as a person uses it for an incident."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import Error, Locator, Page

from demo.parts.waiting import until
from tests.parts.product.pipeline import Run


class IncidentPage:
    """One run of an incident in the Temporal UI."""

    def __init__(self, page: Page, ui: str, run: Run) -> None:
        self._page = page
        self._address = f"{ui}/namespaces/default/workflows/{quote(run.id, safe='')}/{run.run_id}"

    async def open(self, tab: str) -> None:
        """Load the run's page at a tab, such as `user-metadata`."""
        await self._page.goto(f"{self._address}/{tab}")

    async def turn_to(self, tab: str) -> None:
        """Click on another tab, by its title."""
        await self._page.get_by_role("tab", name=tab).click()

    async def shows(self, sign: str) -> str:
        """All that it shows, once `sign` is there."""
        found = ""

        async def not_yet() -> str:
            nonlocal found
            found = await self.text()
            return "" if sign in found else f"it shows {found[-500:]!r}"

        await until(f"{sign!r} on the page", not_yet, within=30)
        return found

    async def text(self) -> str:
        """All that it shows; Markdown is shown in frames of its own."""
        texts = []
        for frame in self._page.frames:
            with suppress(Error):  # a frame that went away while it was read
                texts.append(await frame.locator("body").inner_text(timeout=2_000))
        return "\n".join(texts)

    async def choose_signal(self, name: str) -> str:
        """Open "More Actions", "Send a Signal", and choose one; what it is said to be for."""
        await self._page.get_by_role("button", name="More Actions").click()
        await self._page.get_by_role("menuitem", name="Send a Signal").click()
        await self._dialog.get_by_test_id("signal-select-button").click()
        option = self._page.get_by_role("option").filter(has=self._page.get_by_text(name, exact=True))
        says = await option.inner_text()
        await option.click()
        return says

    async def enter(self, json: str) -> None:
        """Type the signal's input."""
        await self._dialog.get_by_role("textbox").last.click()
        await self._page.keyboard.insert_text(json)

    async def submit(self) -> None:
        """Submit the dialog as it stands; it closes."""
        await self._dialog.get_by_role("button", name="Submit").click()
        await self._dialog.wait_for(state="hidden")

    async def cancel(self) -> None:
        """Press the biggest button, "Request Cancellation", and confirm it."""
        await self._page.get_by_role("button", name="Request Cancellation").click()
        dialog = self._page.get_by_role("dialog").filter(has_text="Cancel")
        await dialog.get_by_role("button", name="Confirm").click()
        await dialog.wait_for(state="hidden")

    async def keep(self, name: str) -> None:
        """Keep a screenshot as `$CI_OUTPUT/NAME.png`, by default in `ci-output/`, for people to look at."""
        directory = os.environ.get("CI_OUTPUT", "ci-output")
        await self._page.screenshot(path=Path(directory, f"{name}.png"))

    @property
    def _dialog(self) -> Locator:
        return self._page.get_by_role("dialog").filter(has_text="Send a Signal")
