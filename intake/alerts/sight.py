"""Which services this process sees as a worker does.

The intake may take the first look at a service only where it has itself found everything well:
the manager says that it runs, its health check is healthy, its database answers, and the same
holds for what it depends on. Elsewhere, in a container without a Docker socket or on a machine
with another `localhost`, a look from here would report a fault that is not there, or nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from models.configuration.configuration import Configuration
from models.evidence.evidence import Evidence
from models.service.service import Service
from runtime.readiness import Check

EVERY = timedelta(seconds=30)
AT_ONCE = 4

Look = Callable[[Service], Awaitable[Sequence[Evidence]]]
"""All that can be seen of one service from here."""


class Sight:
    """Looks around now and then, and remembers what it could see."""

    def __init__(self, configuration: Callable[[], Configuration], look: Look) -> None:
        self._configuration = configuration
        self._look = look
        self._seen: dict[str, Service] = {}
        self._unseen: dict[str, str] = {"every service": "nobody looked yet"}

    def seen(self, name: str) -> Service | None:
        """The service as it is configured now, if it and all that it needs are seen from here."""
        configuration = self._configuration()
        service = configuration.services.get(name)
        if service is None:
            return None
        needed = (service, *configuration.dependencies_of(name))
        return service if all(self._seen.get(one.name) == one for one in needed) else None

    def check(self) -> Check:
        """For `/readyz`: an intake that sees nothing takes alerts all the same."""
        name, problem = next(iter(self._unseen.items()), ("", ""))
        more = f" (and {len(self._unseen) - 1} more)" if len(self._unseen) > 1 else ""
        return Check(
            name="first looks",
            ok=not self._unseen,
            problem=f"{name}: {problem}{more}" if problem else "",
            cure="their first looks are taken by the workers, a little later" if problem else "",
            optional=True,
        )

    async def keep_looking(self) -> None:
        """Look around for ever, at first without a pause; one line in the log whenever the view changes."""
        pause = 0.0
        while True:
            before = set(self._seen)
            await self._look_around(pause)
            if set(self._seen) != before:
                check = self.check()
                structlog.get_logger("intake").info(
                    "first looks", here=len(self._seen), at_workers=len(self._unseen), why=check.problem
                )
            rounds = -(-len(self._configuration().services) // AT_ONCE) or 1
            pause = EVERY.total_seconds() / 2 / rounds
            await asyncio.sleep(EVERY.total_seconds() / 2)

    async def _look_around(self, pause: float) -> None:
        """Look at every service once, a few at a time; a pause after each keeps the door free."""
        services = self._configuration().services
        waiting = iter(services.values())
        unseen: dict[str, str] = {}

        async def look() -> None:
            for service in waiting:
                if why := await self._why_unseen(service):
                    unseen[service.name] = why
                await asyncio.sleep(pause)

        await asyncio.gather(*(look() for _ in range(AT_ONCE)))
        self._seen = {name: one for name, one in self._seen.items() if name in services}
        self._unseen = unseen

    async def _why_unseen(self, service: Service) -> str:
        """Well: seen. Unknown: not seen. Bad is the service's own trouble: it leaves what was known."""
        if service.host is not None:
            return f"it is looked at on its own host, {service.host}"
        found = await self._look(service)
        doubt = next((one for one in found if one.unknown), None)
        if doubt:
            self._seen.pop(service.name, None)
            return doubt.reason
        if all(one.ok for one in found):
            self._seen[service.name] = service
        if self._seen.get(service.name) == service:
            return ""
        return "it was never seen well from here"
