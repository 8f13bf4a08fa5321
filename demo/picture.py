"""`python -m demo.picture [FILE]`: the board in a real browser, with real incidents, as README shows it.

Two incidents are over, one asks for an approval and one needs a person. It takes a minute.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import ViewportSize, async_playwright

from demo.faults import FAULTS
from demo.parts.loopback import program
from demo.parts.waiting import until
from demo.screen import Screen
from demo.stack import Stack
from demo.story import Story
from demo.systems.backend import ROOT
from demo.systems.services import POSTGRES
from demo.systems.supervisor import SupervisedServices
from demo.webhook import Firing, post

FILE = ROOT / "docs" / "board.png"
SIZE = ViewportSize(width=1000, height=600)
"""The picture is as high as the board."""
OVER = ("crash", "database-lost")
ASKS = FAULTS["port-taken"]
UNKNOWN = "ReplicationLag"
"""An alert without a runbook: people are paged, and nothing is changed."""
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


async def take(file: Path, directory: Path) -> None:
    """Break and heal a stack in this directory, and take the picture."""
    services = SupervisedServices(directory)
    with Screen() as screen:
        async with (
            Stack(directory, services, one_process=True, for_a_browser=True) as stack,
            AsyncExitStack() as broken,
        ):
            story = Story(stack, screen)
            for fault in OVER:
                await story.tell(FAULTS[fault])
            await broken.enter_async_context(ASKS.inject(services))
            firing = Firing(datetime.now(UTC), ASKS.alert, ASKS.service, ASKS.labels)
            await post(stack.intake.url, stack.token, firing)
            stack.command("fire", UNKNOWN, "--service", POSTGRES)
            await _photograph(stack.intake.url, file)


async def _photograph(board: str, file: Path) -> None:
    browser_program = program("chromium", hint="apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_program, args=_ARGUMENTS)
        page = await browser.new_page(viewport=SIZE, color_scheme="light")

        async def not_yet() -> str:
            await page.goto(board)
            said = await page.inner_text("main")
            wanted = ("awaiting approval", "escalated", "crash", "database lost")
            return ", ".join(one for one in wanted if one not in said)

        await until("everything on the board", not_yet, within=60)
        await page.screenshot(path=file, full_page=True)
        await browser.close()


def main() -> int:
    """Take it into the file that is named, else into docs/."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    directory = Path(tempfile.mkdtemp(prefix="runbooks-picture-"))
    try:
        asyncio.run(take(file.absolute(), directory))
    finally:
        shutil.rmtree(directory)
    print(f"{file}: {file.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
