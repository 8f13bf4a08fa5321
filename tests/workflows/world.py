"""A scripted world for workflows: the outside systems, as one activity that answers to every name.

Everything inside is real: the runbooks, the steward, the control room, the policy and the
activities by which workflows speak to one another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.app.executions import ExecutionsSeen
from activities.app.products import SyncSeen
from activities.files.clean_up import OldFilesSeen
from activities.files.environment import EnvironmentProposal
from activities.health.dependencies import DependenciesSeen, DependencySeen, LookAtDependencies
from activities.health.health_seen import HealthSeen
from activities.managers.process_seen import ProcessSeen
from activities.monitoring.alertmanager import AlertSourceSeen
from activities.monitoring.memory import MemorySeen
from activities.monitoring.memory_growth import GrowthSeen
from activities.monitoring.providers import ProvidersSeen
from activities.monitoring.sentry import SentrySeen
from activities.monitoring.service_metrics import CpuSeen, ErrorsSeen
from activities.postgres.database_seen import DatabaseSeen
from activities.postgres.sessions import SessionsSeen
from activities.schedules.seen import SchedulesSeen
from activities.service.host import HostSeen
from activities.service.logs import LogsSeen
from activities.service.networks import NetworksSeen
from activities.service.ports import PortSeen
from activities.videos.budget import BudgetSeen
from models.actions.application import SyncProducts
from models.actions.change import ActionResult, Perform
from models.actions.kinds import Action
from models.actions.plan import LookBack
from models.actions.surroundings import CleanUpFiles, ReattachNetwork
from models.actions.videos import WaitForReset
from models.base import Model
from models.evidence.evidence import Evidence, Finding, VerificationResult
from models.incident.announcement import Announcement, Delivered, Occasion, Receipt
from models.incident.report import Report, WriteReport
from models.incident.review import Review, StoredReview
from models.orders.comparison import NOT_AS_CONFIGURED
from models.service.service import Service
from tests.workflows import product_sights, sights
from workflows.diagnosis import looks, verifications
from workflows.diagnosis.look import Look
from workflows.diagnosis.verifications import Verification

EVERY_LOOK: tuple[Look[Evidence], ...] = tuple(one for one in vars(looks).values() if isinstance(one, Look))
LOOKS = {look.activity.__name__: look for look in EVERY_LOOK}
"""The looks by their activity."""

WATCHES = {one.activity.__name__ for one in vars(verifications).values() if isinstance(one, Verification)}

BEAT = 0.01
"""Seconds between the heartbeats of what is held."""

M = TypeVar("M", bound=Model)


@dataclass
class World:
    """What the looks find, what the effects do, and what people were told.

    Two services: `backend`, which is refused and crashed unless a test says otherwise, and its
    database `postgres`, which is well. A look of another name than these finds nothing wrong, unless
    a scene says otherwise.
    """

    health: HealthSeen = sights.REFUSED
    healths: list[HealthSeen] = field(default_factory=list)
    """What the next probes of the backend find, in their order; afterwards it is `health`."""
    process: ProcessSeen = field(default_factory=lambda: sights.crashed(sights.LONG_AGO))
    logs: LogsSeen = sights.QUIET_LOG
    database: DatabaseSeen = sights.ANSWERS
    database_process: ProcessSeen = sights.RUNNING
    database_logs: LogsSeen = sights.QUIET_LOG
    port: PortSeen = sights.FREE_PORT
    host: HostSeen = sights.ROOMY_HOST
    sessions: SessionsSeen = sights.CALM
    networks: NetworksSeen = sights.JOINED_NETWORKS
    old_files: OldFilesSeen = sights.NO_OLD_FILES
    pool_setting: EnvironmentProposal = sights.BIGGER_POOL
    errors: ErrorsSeen = sights.FEW_ERRORS
    memory: MemorySeen = sights.ROOMY_HEAP
    growth: GrowthSeen = sights.STEADY_GROWTH
    cpu: CpuSeen = sights.IDLE_CPU
    issues: SentrySeen = sights.NO_ISSUES
    providers: ProvidersSeen = sights.SERVING
    executions: ExecutionsSeen = sights.NO_FAILURES
    last_sync: SyncSeen = product_sights.SYNCED
    schedules: SchedulesSeen = product_sights.UNNAMED
    budget: BudgetSeen = field(default_factory=lambda: BudgetSeen(finding=Finding.OK, reason="not reached"))
    source: AlertSourceSeen = sights.SOURCE_AGREES
    watched: dict[str, VerificationResult | ApplicationError] = field(default_factory=dict)
    """How a watch ends, or fails, by its name; well for the whole window unless it stands here."""
    broken_looks: set[str] = field(default_factory=set)
    """Looks that raise instead of answering."""
    coming: dict[str, list[Evidence]] = field(default_factory=dict)
    """What the next looks of a name find, in their order; afterwards it is as ever."""
    after: dict[str, Evidence] = field(default_factory=dict)
    """What looks find once something was done, by their names."""
    throttled: list[timedelta] = field(default_factory=list)
    """How long the next syncs are refused for; afterwards they are taken."""
    sync_helps: bool = True
    """Whether a sync that is taken shows in the last sync."""
    fails: dict[str, str] = field(default_factory=dict)
    """What these effects, by the names of their activities, tell instead of being done."""
    works: bool = True
    """Whether effects make the service well again."""
    edited: set[str] = field(default_factory=set)
    """Effects that the file forbids by the time that they are asked for again."""
    lost: Counter[str] = field(default_factory=Counter)
    """How many effects happen without an answer, by the name of their activity."""
    silent: set[str] = field(default_factory=set)
    """Effects whose worker dies: the activity never ends and beats no more."""
    found_later: bool = True
    """Whether a look back finds that the lost effect happened."""
    down: set[str] = field(default_factory=set)
    """Channels that take nothing."""
    stale: set[Occasion] = field(default_factory=set)
    """Occasions on which a message takes what is told, and is not edited."""
    unset: set[str] = field(default_factory=set)
    """Those of them that are not set at all."""
    done: list[str] = field(default_factory=list)
    """Every effect, each time that it was asked for."""
    called: list[str] = field(default_factory=list)
    stewards: list[str] = field(default_factory=list)
    """The services whose stewards were asked, each time."""
    told: list[Announcement] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    """The incidents that the control room finds: the test server lists none."""
    _held: dict[str, asyncio.Event] = field(default_factory=dict)

    def hold(self, name: str) -> None:
        """Let the activity of this name begin, and not end before `let_go`.

        While it runs, the server's clock runs no faster than the real one.
        """
        self._held[name] = asyncio.Event()

    def let_go(self, name: str) -> None:
        """Let what is held end."""
        self._held.pop(name).set()

    def pages(self) -> list[str]:
        """The roles that were paged, in order. A question is a page where a role hears nothing before."""
        told: set[str] = set()
        paged = []
        for one in self.told:
            question = one.occasion is Occasion.APPROVAL and one.role not in told
            if one.occasion is Occasion.PAGE or question:
                paged.append(one.role)
                told.add(one.role)
        return paged

    def notices(self) -> list[str]:
        """The titles of what the broadcast channels were told."""
        return [one.title for one in self.told if one.occasion is Occasion.NOTICE]

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.outside]

    @activity.defn(dynamic=True)
    async def outside(self, arguments: Sequence[RawValue]) -> Any:
        """Everything that the product asks of the outside, and does to it."""
        name = activity.info().activity_type
        self.called.append(name)
        await self.passes(name)
        if name in self.broken_looks:
            raise RuntimeError("the look itself is broken")
        if name in WATCHES:
            return self._watched(name)
        answers: dict[str, Callable[[RawValue], Model]] = {
            "probe_health": lambda raw: self._health_of(_read(raw, Service)),
            "look_at_process": lambda raw: self._process_of(_read(raw, Service)),
            "read_logs": lambda raw: self._log_of(_read(raw, Service)),
            "look_at_dependencies": lambda raw: self._checks(_read(raw, LookAtDependencies)),
            "announce": lambda raw: self._announce(_read(raw, Announcement)),
            "write_report": lambda raw: self._keep(_read(raw, WriteReport)),
            "write_review": lambda raw: self._write(_read(raw, Review)),
            "ask_source": lambda _: self.source,
            "look_back": lambda raw: self._look_back(_read(raw, LookBack)),
        }
        if name.startswith("look_back"):
            name = "look_back"
        if name in answers:
            return answers[name](arguments[0])
        if name in LOOKS:
            return self._found(LOOKS[name])
        return self._do(name, _read(arguments[0], Perform[Action]))

    def _found(self, look: Look[Evidence]) -> Evidence:
        """What this look finds, whatever service it is about."""
        if coming := self.coming.get(look.name):
            return coming.pop(0)
        nothing_wrong = look.result(finding=Finding.OK, reason="nothing wrong")
        return getattr(self, look.name, nothing_wrong)

    def _watched(self, name: str) -> VerificationResult:
        watched = self.watched.get(name, sights.STABLE)
        if isinstance(watched, ApplicationError):
            raise watched
        return watched

    async def passes(self, name: str) -> None:
        """Wait while this activity is held."""
        while name in self._held:
            activity.heartbeat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._held[name].wait(), BEAT)

    def _health_of(self, service: Service) -> HealthSeen:
        if service.name != "backend":
            return sights.HEALTHY
        return self.healths.pop(0) if self.healths else self.health

    def _process_of(self, service: Service) -> ProcessSeen:
        return self.database_process if service.name == "postgres" else self.process

    def _log_of(self, service: Service) -> LogsSeen:
        return self.database_logs if service.name == "postgres" else self.logs

    def _checks(self, request: LookAtDependencies) -> DependenciesSeen:
        checks = [self._check(service) for service in request.services]
        bad = [one.service for one in checks if one.finding is Finding.BAD]
        reason = f"not well: {', '.join(bad)}" if bad else "all are well"
        return DependenciesSeen(
            finding=Finding.BAD if bad else Finding.OK, reason=reason, services=tuple(checks)
        )

    def _check(self, service: Service) -> DependencySeen:
        seen = self.database if service.is_database else self._health_of(service)
        return DependencySeen(
            service=service.name,
            finding=seen.finding,
            reason=seen.reason,
            is_database=service.is_database,
            recovering=isinstance(seen, DatabaseSeen) and seen.recovering,
        )

    def _announce(self, message: Announcement) -> Delivered:
        self.told.append(message)
        receipts = tuple(
            Receipt(
                channel=name,
                delivered=name not in self.down,
                final=name in self.unset,
                place="slack, 1" if message.in_short and name == "slack" not in self.down else "",
                stale=bool(message.in_short) and message.occasion in self.stale,
            )
            for name in (*message.first_of, *message.also_to)
        )
        wanted = message.first_of or message.also_to
        return Delivered(receipts=receipts, reached=any(name not in self.down for name in wanted))

    def _write(self, review: Review) -> StoredReview:
        self.reviews.append(review)
        return StoredReview(path=f"reviews/{review.incident}.md")

    def _keep(self, request: WriteReport) -> StoredReview:
        self.reports.append(request.report)
        return StoredReview(path=f"reviews/{request.incident}-report.md")

    def _look_back(self, request: LookBack) -> ActionResult:
        found = "seen by looking back" if self.found_later else "it did not happen"
        return ActionResult(done=self.found_later, found=found, at=datetime.now(UTC))

    def _do(self, name: str, order: Perform[Action]) -> ActionResult:
        if name in self.edited and not self.lost[name]:
            raise ApplicationError(
                "it was not done, for the file", type=NOT_AS_CONFIGURED, non_retryable=True
            )
        self.done.append(order.action.says)
        if isinstance(order.action, SyncProducts) and self.throttled:
            now = datetime.now(UTC)
            return ActionResult(done=False, found="answered 429", at=now, throttled=self.throttled.pop(0))
        if name in self.fails:
            return ActionResult(done=False, found=self.fails[name], at=datetime.now(UTC))
        if self.works:
            self._heal(order.action)
        if name in self.silent:
            self.silent.discard(name)
            activity.raise_complete_async()
        if self.lost[name]:
            self.lost[name] -= 1
            raise ApplicationError("taken, and never answered", type="OutcomeLost", non_retryable=True)
        found = "done" if self.works else "it did not help"
        return ActionResult(done=self.works, found=found, at=datetime.now(UTC))

    def _heal(self, action: Action) -> None:
        vars(self).update(self.after)
        if isinstance(action, SyncProducts) and self.sync_helps:
            self.last_sync = product_sights.SYNCED
        if isinstance(action, CleanUpFiles):
            self.host = sights.ROOMY_HOST
        if isinstance(action, ReattachNetwork):
            off = tuple(name for name in self.networks.off if name != action.service.name)
            left = self.networks.model_copy(update={"off": off})
            self.networks = left if off else sights.JOINED_NETWORKS
        if isinstance(action, WaitForReset):  # the time that is waited for has come
            self.budget = self.budget.model_copy(update={"finding": Finding.OK, "reason": "it is reset"})
        if action.service.name == "postgres":
            self.database, self.database_process = sights.ANSWERS, sights.RUNNING
            self.sessions = sights.CALM
        else:
            self.health, self.process = sights.HEALTHY, sights.RUNNING


def _read(raw: RawValue, shape: type[M]) -> M:
    value: M = activity.payload_converter().from_payload(raw.payload, shape)
    return value
