"""Looks that a stranger asks a worker for: no secret of the worker is sent where the stranger says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from activities.drill.drill import Drill
from activities.monitoring.sentry import TopIssues
from models.base import Model
from models.configuration.backups import BackupLocation
from models.configuration.drill import DrillSettings
from models.configuration.grafana import DashboardBackup
from models.names import TASK_QUEUE
from models.service.application import ApplicationApi
from models.service.secret import SecretRef
from models.service.service import Database, SupervisordManager
from models.service.surroundings import Sentry
from tests.integration.orders.attacks import with_
from tests.integration.orders.conftest import Stage
from tests.integration.orders.test_raw_orders import STRANGERS, OfAStranger, strangers


@dataclass(frozen=True)
class Look:
    """A look in the product's own form, with a secret and an address of the stranger."""

    activity: str
    request: Callable[[Stage, SecretRef], Model]


def there(stage: Stage) -> str:
    return f"http://127.0.0.1:{stage.port}"


def dashboards(stage: Stage, secret: SecretRef) -> DashboardBackup:
    return DashboardBackup(url=there(stage), token=secret, repository=str(stage.directory))


LOOKS = (
    Look(
        "look_at_last_video",
        lambda stage, secret: with_(stage, api=ApplicationApi(url=there(stage), token=secret)),
    ),
    Look(
        "look_at_budget",
        lambda stage, secret: with_(stage, api=ApplicationApi(url=there(stage), token=secret)),
    ),
    Look("check_database", lambda stage, secret: with_(stage, database=Database(url=secret))),
    Look(
        "look_at_process",
        lambda stage, secret: with_(
            stage,
            manager=SupervisordManager(program="web", socket=there(stage), username="u", password=secret),
        ),
    ),
    Look(
        "top_issues",
        lambda stage, secret: TopIssues(
            service=with_(stage, sentry=Sentry(url=there(stage), organization="a", project="b", token=secret))
        ),
    ),
    Look("back_up_dashboards", dashboards),
    Look("look_at_backup", lambda stage, _: location(stage)),
    Look("drill_restore", lambda stage, _: Drill(location=location(stage))),
)


def location(stage: Stage) -> BackupLocation:
    """One whose program would leave a trace."""
    program = stage.directory / "pg_restore"
    program.write_text(f"#!/bin/sh\n/usr/bin/touch {stage.strangers}\n")
    program.chmod(0o700)
    (stage.directory / "dumps").mkdir(exist_ok=True)
    (stage.directory / "dumps/shop.dump").write_bytes(b"PGDMP" + bytes(4096))
    return BackupLocation(
        name="strangers",
        directory=str(stage.directory / "dumps"),
        pg_restore=str(program),
        settle="0s",
        drill=DrillSettings(programs=str(stage.directory)),
    )


@pytest.fixture
def secret(stage: Stage) -> SecretRef:
    """Of the worker, which holds an address, too, for what is reached by one."""
    file = stage.directory / "secret"
    file.write_text(f"postgresql://mallory:s3cr3t@127.0.0.1:{stage.port}/shop")
    return SecretRef(file=str(file))


async def test_no_secret_goes_where_a_stranger_says(stage: Stage, secret: SecretRef) -> None:
    async with strangers(stage):
        for one in LOOKS:
            await stage.client.execute_workflow(
                OfAStranger.run,
                args=[one.activity, TASK_QUEUE, one.request(stage, secret)],
                id=one.activity,
                task_queue=STRANGERS,
            )
            assert stage.reached == [], one.activity
            assert not stage.strangers.exists(), one.activity
