"""`starter.py` and `worker.py` as a person types them: processes, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from dataclasses import dataclass
from typing import Any

from tests.parts.product.intake import ROOT


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


class Person:
    """Somebody at a terminal, with a configuration and a Temporal."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._variables = variables

    async def types(self, *words: str) -> Ended:
        return await ended("starter.py", *words, variables=self._variables)

    async def answers(self, answer: str, *words: str) -> Ended:
        """Type a command at a terminal, and this when it asks."""
        ours, theirs = os.openpty()
        try:
            os.write(ours, f"{answer}\n".encode())
            return await ended("starter.py", *words, variables=self._variables, stdin=theirs)
        finally:
            os.close(ours)
            os.close(theirs)


async def ended(*words: str, variables: dict[str, str], stdin: int = DEVNULL) -> Ended:
    """The end of a Python command; a traceback is none that a person should see."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, env=variables, stdin=stdin,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Ended(process.returncode, out.decode(), err.decode())
