"""The Docker networks between a service and what it needs.

Only
the configured network is ever attached, and under the names that Compose gave the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.managers import ManagerError, Managers, ServiceManager, Unsupported
from activities.service.outcomes import Outcome
from activities.service.run_once import SETTLES_WITHIN, once
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import ReattachNetwork
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.service import DockerManager, Service

_HOST = "host"
"""A container in the host's own network reaches whatever the host reaches."""


class LookAtNetworks(ServiceRequest):
    """The service, and those that it must reach."""

    needed: tuple[Service, ...] = ()


class NetworksSeen(Evidence):
    """Which Docker networks the service's container is on. `bad` when it cannot reach what it needs."""

    networks: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """Needed services that share no network with it."""
    off: tuple[str, ...] = ()
    """Services whose containers are not on the configured network: reattaching them is the cure."""


class NetworkActivities:
    """Looks at and changes on which networks containers are."""

    def __init__(self, managers: Managers, settles_within: timedelta = SETTLES_WITHIN) -> None:
        self._managers = managers
        self._settles_within = settles_within

    @activity.defn
    def look_at_networks(self, request: LookAtNetworks) -> NetworksSeen:
        """`bad` off the configured network, or on none in common with a container that it needs.

        `unknown` for what is no container, or when the engine cannot be asked.
        """
        service = request.service
        now = datetime.now(UTC)
        if not isinstance(service.manager, DockerManager):
            reason = f"{service.name} runs under {service.manager.kind}, which has no networks of its own"
            return NetworksSeen(reason=reason, observed_at=now, applies=False)
        others = [one for one in request.needed if isinstance(one.manager, DockerManager)]
        try:
            own = self._managers.of(service).networks()
            theirs = {one.name: self._managers.of(one).networks() for one in others}
        except ManagerError as error:
            return NetworksSeen(reason=str(error), observed_at=now)
        if service.network is None and not theirs:
            reason = f"no network is configured for {service.name}, and nothing that it needs"
            networks = tuple(sorted(own))
            return NetworksSeen(reason=reason, observed_at=now, networks=networks, applies=False)
        return _judged(service, own, theirs).model_copy(update={"observed_at": now})

    @activity.defn(no_thread_cancel_exception=True)
    def reattach_network(self, request: Perform[ReattachNetwork]) -> ActionResult:
        """Connect the container to its configured network; done already if it is on it."""
        action = request.action
        manager = self._managers.of(action.service)

        def act() -> None:
            if action.network != action.service.network:
                raise Unsupported(
                    f"{action.network} is not the network that is configured for {action.service.name}"
                )
            manager.attach(action.network)

        return once(action.says, lambda: _attached(manager, action), act, self._settles_within)


def _judged(service: Service, own: frozenset[str], theirs: dict[str, frozenset[str]]) -> NetworksSeen:
    if _HOST in own:
        reason = f"{service.name} is on the host's own network"
        return NetworksSeen(finding=Finding.OK, reason=reason, networks=(_HOST,))
    apart = tuple(name for name, networks in theirs.items() if not own & networks and _HOST not in networks)
    reasons = []
    off: list[str] = []
    if service.network is not None:
        off = [service.name] if service.network not in own else []
        off += [name for name in apart if service.network not in theirs[name]]
        reasons += [f"{name} is not on the network {service.network}" for name in off]
    reasons += [f"{service.name} and {name} share no network" for name in apart if name not in off]
    return NetworksSeen(
        finding=Finding.BAD if reasons else Finding.OK,
        reason=", ".join(reasons) or f"{service.name} is on {_listed(own)}, with all that it needs",
        networks=tuple(sorted(own)),
        apart=apart,
        off=tuple(off),
    )


def _attached(manager: ServiceManager, action: ReattachNetwork) -> Outcome:
    networks = manager.networks()
    happened = action.network in networks
    found = f"it is {'' if happened else 'not '}on the network {action.network}"
    return Outcome(happened, found, f"on {_listed(networks)}")


def _listed(networks: Iterable[str]) -> str:
    return ", ".join(sorted(networks)) or "no network"
