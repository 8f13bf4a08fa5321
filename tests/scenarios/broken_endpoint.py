"""BrokenEndpoint: one route is broken by a deployment, by its code, by its data, or by what it needs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from activities.endpoints.seen import EndpointKind, EndpointSeen, RecordSeen, RouteSeen
from activities.monitoring.sentry import Issue, SentrySeen
from activities.postgres.database_seen import DatabaseKind
from demo.faults.endpoints import BY_DEPLOYMENT, IN_CODE, IN_DATA, OF_DATABASE, OF_PROVIDER
from demo.faults.fault import OBSERVED
from demo.systems.services import Services
from models.evidence.evidence import Finding
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.scenarios.high_error_rate import REVERTED, not_degraded, provider_comes_back
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.rows import Row
from tests.workflows.scenes import Scene, deployed, failing

_row = partial(Scenario, runbook="BrokenEndpoint", stack=OBSERVED)

MAINTENANCE, REOPENED = "answer-maintenance", "reopen-endpoint"


async def in_service(pipeline: Pipeline, played: Played) -> None:
    """By the application's own word; and the review names what was not chosen."""
    assert pipeline.stack.services.backend.closed.read_text() == "{}"
    assert "Chosen instead of: " in await pipeline.stored_review(played.run)


@asynccontextmanager
async def taken_out_by_somebody(services: Services) -> AsyncIterator[None]:
    """A person has it answer with a maintenance message."""
    services.backend.closed.write_text(json.dumps({IN_CODE: "maintenance"}))
    try:
        yield
    finally:
        services.backend.closed.unlink()


@asynccontextmanager
async def nobody_reports(services: Services) -> AsyncIterator[None]:
    """Sentry is down; on the way out it comes back."""
    assert services.surroundings is not None
    await services.surroundings.sentry.kill()
    try:
        yield
    finally:
        await services.surroundings.sentry.start()


def no_way_out_of_service(content: dict[str, Any]) -> None:
    for one in content["services"]["backend"]["endpoints"]["known"]:
        one["maintenance"] = one["disable"] = None


def asked_without_rights(content: dict[str, Any]) -> None:
    """Another path, which wants a token."""
    known = content["services"]["backend"]["endpoints"]["known"]
    known[0] |= {"path": "/api/no-such-thing", "names": ["/api/cost-tracking/budget"]}


SCENARIOS = (
    _row(
        name="broken by a deployment",
        cause="bad deployment",
        faults=("endpoint-deployment",),
        labels={"route": BY_DEPLOYMENT},
        action=("roll-back",),
        approved_by=("anna",),
        also_seen=("its code",),
        timeline=("(recommended): roll", "or plan", "page to platform-team"),
        evidence={"endpoint": "answered 500 at", "endpoint_issues": "new since the deployment"},
    ),
    _row(
        name="broken by its code",
        cause="its code",
        faults=("endpoint-code",),
        labels={"route": IN_CODE},
        action=(MAINTENANCE, REOPENED),
        approved_by=("anna",),
        timeline=("waits for a repaired", REVERTED),
        evidence={"endpoint": "answered 500 at", "endpoint_issues": "perCampaign"},
        afterwards=in_service,
    ),
    _row(
        name="broken by its data, and disabled by the digest of that plan",
        cause="its data",
        faults=("endpoint-data",),
        labels={"route": IN_DATA},
        action=("disable-endpoint", REOPENED),
        also_seen=("its code",),
        evidence={"endpoint": "1 of 3 records fail"},
        approved_by=("anna",),
        takes="disable-endpoint",
        afterwards=in_service,
    ),
    _row(
        name="its provider is down",
        cause="external API down",
        faults=("endpoint-provider",),
        labels={"path": OF_PROVIDER},
        action=("degrade", "restore-service"),
        also_seen=("its code",),
        evidence={"endpoint": "OpenAI API error"},
        timeline=(REVERTED,),
        meanwhile=provider_comes_back,
        afterwards=not_degraded,
    ),
    _row(
        name="its database is lost",
        cause="database lost",
        faults=("endpoint-database",),
        labels={"route": OF_DATABASE},
        also_seen=("its code",),
        timeline=("DatabaseConnectionFailure/postgres, and waits for its end",),
    ),
    _row(
        name="the whole service is down",
        cause="service down",
        faults=("crash",),
        labels={"route": IN_CODE},
        timeline=("ServiceDown/backend, and waits for its end",),
    ),
    _row(
        name="nobody knows why",
        cause="unknown",
        faults=(nobody_reports, "endpoint-code"),
        labels={"route": IN_CODE},
        action=(MAINTENANCE, REOPENED),
        approved_by=("anna",),
        evidence={"endpoint_issues": "Sentry cannot be asked"},
        afterwards=in_service,
    ),
    _row(
        name="somebody took it out of service",
        cause="out of service",
        faults=(taken_out_by_somebody,),
        labels={"route": IN_CODE},
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("asks to come back in 10 min", "no action taken"),
    ),
    _row(
        name="nothing may be taken out of service",
        cause="its code",
        faults=("endpoint-code",),
        labels={"route": IN_CODE},
        configure=no_way_out_of_service,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("repair the code by its trace",),
    ),
    _row(
        name="only our probe fails",
        cause="only our probe fails",
        labels={"route": "/api/cost-tracking/budget"},
        configure=asked_without_rights,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "`path` under", "no action taken"),
    ),
    _row(
        name="an endpoint that nobody configured",
        cause="only our probe fails",
        labels={"route": "http://169.254.169.254/latest"},
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("is no endpoint that may be probed", "no action taken"),
    ),
    _row(
        name="over before anybody looked",
        cause="",
        labels={"route": IN_CODE},
        outcome=Outcome.SELF_RECOVERED,
    ),
    _row(
        name="resolved before the choice",
        cause="its code",
        faults=("endpoint-code",),
        labels={"route": IN_CODE},
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
    ),
)

PATH, ROUTE, OTHER = "/api/products/1", "/api/products/:id", "/api/products/7"
SWITCHES = {
    name: {"on": {"url": "http://localhost:3000/switch"}, "off": {"url": "http://localhost:3000/switch"}}
    for name in ("maintenance", "disable")
}
KNOWN = {"path": PATH, "names": [ROUTE], "records": [OTHER], **SWITCHES}
PROBED: dict[str, Any] = {
    "services": {"backend": {"endpoints": {"url": "http://localhost:3000", "known": [KNOWN]}}}
}
NO_SWITCH: dict[str, Any] = {
    "services": {
        "backend": {
            "endpoints": {
                "url": "http://localhost:3000",
                "known": [{**KNOWN, "maintenance": None, "disable": None}],
            }
        }
    }
}
LABELS = {"route": ROUTE}
MINUTE = timedelta(minutes=1)

MAINTAIN = f"answer 503 with a maintenance message at {PATH} of backend"
REOPEN = f"put {PATH} of backend back into service"


def record(path: str, kind: EndpointKind, status: int | None = 500, body: str = "") -> RecordSeen:
    return RecordSeen(path=path, kind=kind, status=status, says=f"answered {status}", body=body)


def seen(*records: RecordSeen, finding: Finding = Finding.BAD, **more: Any) -> EndpointSeen:
    fields = {"path": PATH, "routes": (ROUTE, PATH), "kind": records[0].kind, "reason": records[0].says}
    return EndpointSeen(
        finding=finding, records=records, observed_at=sights.LONG_AGO + 180 * MINUTE, **{**fields, **more}
    )


BROKEN = seen(record(PATH, EndpointKind.ERROR), record(OTHER, EndpointKind.ERROR))
ONE_RECORD = seen(record(OTHER, EndpointKind.ERROR), record(PATH, EndpointKind.AS_EXPECTED, 200))
WELL = seen(record(PATH, EndpointKind.AS_EXPECTED, 200), finding=Finding.OK)
NO_RIGHTS = seen(record(PATH, EndpointKind.OUR_PROBE, 401), finding=Finding.UNKNOWN)
CLOSED = seen(record(PATH, EndpointKind.SWITCHED_OFF, 503), finding=Finding.UNKNOWN)
NAMES_OPENAI = seen(
    record(PATH, EndpointKind.ERROR, 503, body='{"error": "OpenAI API error: timeout"}'),
    says="OpenAI API error: timeout",
)
NAMES_METADATA = seen(record(PATH, EndpointKind.ERROR, body='{"error": "x is undefined", "metadata": {}}'))
META_DOWN = sights.PROVIDER_DOWN.model_copy(
    update={"providers": tuple(one.model_copy(update={"name": "meta"}) for one in sights.PROVIDER_DOWN.down)}
)
SILENT = seen(record(PATH, EndpointKind.NO_ANSWER, None), record(OTHER, EndpointKind.NO_ANSWER, None))
NOT_KNOWN = EndpointSeen(reason="/x is no endpoint that may be probed", kind=EndpointKind.NOT_ASKED)

QUIET = RouteSeen(finding=Finding.OK, reason="0% of the requests fail", route=ROUTE, ratio=0, threshold=0.05)
MANY = RouteSeen(
    finding=Finding.BAD, reason="40% of the requests fail", route=ROUTE, ratio=0.4, threshold=0.05
)
ALL = MANY.model_copy(update={"ratio": 1.0, "reason": "100% of the requests fail"})
NO_METRICS = RouteSeen(reason="Prometheus cannot be asked")


def issue(title: str = "TypeError: x is undefined") -> SentrySeen:
    first = sights.LONG_AGO + 170 * MINUTE
    one = Issue(short_id="BACKEND-1", title=title, count=9, first_seen=first, last_seen=first + 9 * MINUTE)
    return SentrySeen(finding=Finding.BAD, reason=title, top=(one,))


def broken(endpoint: EndpointSeen = BROKEN, route: RouteSeen = MANY, **more: Any) -> Scene:
    issues = {"endpoint_issues": sights.NO_ISSUES, "errors": sights.FEW_ERRORS}
    return failing(**{"endpoint": endpoint, "route": route, **issues, **more})


def with_a_deployment(then: Scene, known_for: timedelta = timedelta()) -> Scene:
    """Its route fails since a minute after a deployment of five minutes ago; Sentry has known its issue so
    long before that."""

    async def told(harness: Harness) -> None:
        await deployed(then)(harness)
        new = await harness.now() - 5 * MINUTE
        world = vars(harness.world)
        world["route"] = world["route"].model_copy(update={"since": new + MINUTE, "good_until": new})
        seen_at = {"first_seen": new + MINUTE - known_for, "last_seen": new + 5 * MINUTE}
        top = tuple(one.model_copy(update=seen_at) for one in world["endpoint_issues"].top)
        fresh = {"top": top, "new": () if known_for else top}
        world["endpoint_issues"] = world["endpoint_issues"].model_copy(update=fresh)

    return told


_asked = partial(Row, labels=LABELS, configuration=PROBED)

ROWS = (
    _asked("its code", broken(endpoint_issues=issue()), asks=True, done=(MAINTAIN, REOPEN)),
    _asked(
        "its code",
        broken(endpoint_issues=issue()),
        variant="nothing may be taken out of service",
        configuration=NO_SWITCH,
        needs_a_human=True,
    ),
    _asked(
        "its code",
        with_a_deployment(broken(route=ALL, endpoint_issues=issue()), known_for=180 * MINUTE),
        variant="the version before had the same issue",
        asks=True,
        done=(MAINTAIN, REOPEN),
    ),
    _asked(
        "bad deployment",
        with_a_deployment(broken(route=ALL)),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    _asked(
        "bad deployment",
        with_a_deployment(broken(route=ALL)),
        variant="rolled back, for nothing may be taken out of service",
        configuration=NO_SWITCH,
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    _asked(
        "bad deployment",
        with_a_deployment(broken(ONE_RECORD, route=MANY, endpoint_issues=issue())),
        variant="and some of its data",
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        also_seen=("its data", "its code"),
    ),
    _asked(
        "its code",
        broken(route=QUIET, endpoint_issues=issue()),
        variant="and its users are well, so that it stays in service",
        needs_a_human=True,
    ),
    _asked("its data", broken(ONE_RECORD), asks=True, done=(MAINTAIN, REOPEN)),
    _asked(
        "its data",
        broken(WELL, route=MANY),
        variant="ours answer, and users get errors",
        asks=True,
        done=(MAINTAIN, REOPEN),
    ),
    _asked(
        "external API down",
        broken(NAMES_OPENAI, providers=sights.PROVIDER_DOWN),
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
    ),
    _asked(
        "its code",
        broken(providers=sights.PROVIDER_DOWN, endpoint_issues=issue()),
        variant="a provider is down that it does not need",
        asks=True,
        done=(MAINTAIN, REOPEN),
    ),
    _asked(
        "database lost",
        broken(
            database=sights.database(DatabaseKind.REFUSED),
            database_process=sights.crashed(sights.LONG_AGO),
        ),
        done=("start postgres",),
        pages=("On-Call", "DBA"),
    ),
    _asked(
        "service down",
        broken(SILENT, NO_METRICS, health=sights.REFUSED, process=sights.crashed(sights.LONG_AGO)),
        done=("start backend",),
    ),
    _asked(
        "service down",
        broken(CLOSED, ALL, health=sights.REFUSED, process=sights.crashed(sights.LONG_AGO)),
        variant="and the proxy before it asks to come back",
        done=("start backend",),
    ),
    _asked(
        "its code",
        broken(NAMES_METADATA, MANY, providers=META_DOWN, endpoint_issues=issue()),
        variant="a word of its answer begins like a provider that is down",
        asks=True,
        done=(MAINTAIN, REOPEN),
    ),
    _asked("only our probe fails", broken(NO_RIGHTS, QUIET), needs_a_human=True),
    _asked("only our probe fails", broken(NOT_KNOWN, NO_METRICS), variant="nobody knows", needs_a_human=True),
    _asked("out of service", broken(CLOSED, route=ALL), needs_a_human=True),
    _asked("unknown", broken(), asks=True, done=(MAINTAIN, REOPEN)),
    _asked(
        "unknown",
        broken(NO_RIGHTS, route=ALL),
        variant="we cannot ask, and users get errors",
        asks=True,
        done=(MAINTAIN, REOPEN),
    ),
)
