"""ServiceDown's rows: the service refuses its health check, and this is why."""

from __future__ import annotations

from datetime import timedelta

from models.evidence.evidence import DatabaseKind, ProcessState
from models.evidence.history import Deployment
from tests.workflows import sights
from tests.workflows.night import Night
from tests.workflows.rows import Row, Scene, scene

MIB = sights.MIB
CRASH = sights.crashed(sights.LONG_AGO)
SCALABLE = {"services": {"backend": {"scale": {"max_replicas": 3}}}}
LOOPING = CRASH.model_copy(
    update={
        "state": ProcessState.RESTARTING,
        "restarts": 7,
        "reason": "restarted 7 times",
        "finished_at": None,
    }
)


def deployed(then: Scene) -> Scene:
    """A healthy version of the day before yesterday, and a newer one of five minutes ago."""

    async def told(night: Night) -> None:
        await then(night)
        now = await night.now()
        old, new = now - timedelta(days=2), now - timedelta(minutes=5)
        await night.deployed(
            Deployment(service="backend", version="backend:1", deployed_at=old, healthy_at=old, current=True),
            Deployment(service="backend", version="backend:2", deployed_at=new, current=True),
        )

    return told


LOST_DATABASE = scene(
    process=sights.RUNNING,
    database=sights.database(DatabaseKind.REFUSED),
    database_process=CRASH,
    logs=sights.log_with("database-lost"),
)

ROWS = (
    Row(
        "database lost",
        LOST_DATABASE,
        done=("start postgres", "restart backend"),
        also_seen=("hung",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(512 * MIB)),
        done=("raise the memory limit of backend from 512 MiB to 768 MiB", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(3072 * MIB)),
        variant="no further than the cap",
        done=("raise the memory limit of backend from 3 GiB to 4 GiB", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(4096 * MIB)),
        variant="at the cap",
        needs_a_human=True,
        also_seen=("crash",),
    ),
    Row(
        "port conflict",
        scene(port=sights.TAKEN_PORT),
        asks=True,
        done=("kill process 77 (thief), which listens on port 3000", "start backend"),
        also_seen=("crash",),
    ),
    Row(
        "port conflict",
        scene(logs=sights.log_with("port-in-use")),
        variant="only its log says so",
        needs_a_human=True,
        also_seen=("crash",),
    ),
    Row(
        "crash loop",
        deployed(scene(process=LOOPING)),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
        also_seen=("crash",),
    ),
    Row(
        "crash loop",
        scene(process=LOOPING),
        variant="no version is known",
        needs_a_human=True,
        pages=("On-Call", "Platform Team"),
        also_seen=("crash",),
    ),
    Row("crash", scene(process=CRASH), done=("start backend",)),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit()),
        configuration=SCALABLE,
        done=("scale backend from 1 to 2 replicas",),
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit(replicas=2)),
        variant="two replicas run",
        configuration=SCALABLE,
        done=("scale backend from 2 to 3 replicas",),
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.at_its_limit(replicas=3)),
        variant="as many run as may",
        configuration=SCALABLE,
        needs_a_human=True,
        also_seen=("hung",),
    ),
    Row(
        "resources exhausted",
        scene(process=sights.RUNNING, host=sights.FULL_DISK),
        variant="scaling is not allowed",
        needs_a_human=True,
        also_seen=("hung",),
    ),
    Row("hung", scene(process=sights.RUNNING), done=("restart backend",)),
    Row(
        "unknown",
        scene(process=sights.PAUSED),
        variant="no row matches",
        needs_a_human=True,
    ),
    Row(
        "out of memory",
        scene(process=sights.killed_for_memory(512 * MIB), port=sights.TAKEN_PORT),
        variant="and a port conflict",
        done=("raise the memory limit of backend from 512 MiB to 768 MiB", "start backend"),
        also_seen=("port conflict", "crash"),
    ),
)
