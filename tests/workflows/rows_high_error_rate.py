"""HighErrorRate's rows: too many requests fail, and this is why."""

from __future__ import annotations

from models.evidence.evidence import DatabaseKind
from tests.workflows import sights
from tests.workflows.rows import Row, Scene, scene
from tests.workflows.rows_service_down import SCALABLE, deployed


def failing(**changes: object) -> Scene:
    """The service runs and answers its health check; its requests fail."""
    return scene(
        **{
            "health": sights.HEALTHY,
            "process": sights.RUNNING,
            "errors": sights.MANY_ERRORS,
            **changes,
        }
    )


ROWS = (
    Row(
        "database lost",
        failing(
            database=sights.database(DatabaseKind.REFUSED),
            database_process=sights.crashed(sights.LONG_AGO),
        ),
        done=("start postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "database deadlock",
        failing(sessions=sights.deadlocked()),
        asks=True,
        done=("restart the database postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "database deadlock",
        failing(sessions=sights.no_room(idle=False)),
        variant="no connection is left",
        asks=True,
        done=("restart the database postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "pool exhausted",
        failing(health=sights.REFUSED, logs=sights.log_with("pool-exhausted")),
        done=("set POOL=50 in the environment of backend and recreate it",),
    ),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN),
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
    ),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN),
        variant="no degraded mode",
        configuration={"services": {"backend": {"degradation": None}}},
        needs_a_human=True,
    ),
    Row(
        "bad deployment",
        deployed(failing()),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    Row("memory leak", failing(heap=sights.GROWING_HEAP), done=("restart backend",)),
    Row("workflow failures", failing(executions=sights.FAILED_WORKFLOWS), needs_a_human=True),
    Row(
        "out of capacity",
        failing(cpu=sights.FULL_CPU),
        configuration=SCALABLE,
        done=("scale backend from 1 to 2 replicas",),
    ),
    Row(
        "out of capacity", failing(cpu=sights.FULL_CPU), variant="scaling is not allowed", needs_a_human=True
    ),
    Row("unknown", failing(), done=("restart backend",)),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN, heap=sights.GROWING_HEAP, cpu=sights.FULL_CPU),
        variant="and two more",
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
        also_seen=("memory leak", "out of capacity"),
    ),
)
