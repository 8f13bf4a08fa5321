"""Orders in the product's own forms, as a stranger would write them: each brings something along."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.files.clean_up import CleanUpActivities
from activities.files.environment import EnvironmentActivities, ProposeEnvironment
from activities.managers import Managers
from models.actions.answers import RunScript
from models.actions.change import Change
from models.actions.database import RestartDatabase, TerminateSessions
from models.actions.endpoints import DisableEndpoint
from models.actions.memory import ClearCache
from models.actions.service import KillProcess, RestartService, RollBack, StartService
from models.actions.surroundings import CleanUpFiles, Degrade, ReattachNetwork, SetEnvironment
from models.service.endpoints import Endpoint, Endpoints, EndpointSwitch
from models.service.secret import SecretRef
from models.service.service import (
    Database,
    DockerManager,
    RollBackScript,
    Service,
    SupervisordManager,
)
from models.service.surroundings import CleanUp, Degradation, SwitchCall
from tests.integration.orders.conftest import Stage


def touch(stage: Stage) -> tuple[str, ...]:
    return ("/usr/bin/touch", str(stage.strangers))


def with_(stage: Stage, **parts: object) -> Service:
    """The backend as it is configured, but for these parts."""
    return stage.backend.model_copy(update=parts)


def program(stage: Stage, name: str) -> SupervisordManager:
    manager = stage.backend.manager
    assert isinstance(manager, SupervisordManager)
    return manager.model_copy(update={"program": name})


def switch(stage: Stage) -> SwitchCall:
    return SwitchCall(url=f"http://127.0.0.1:{stage.port}/on")


def switched(stage: Stage) -> Degradation:
    return Degradation(on=switch(stage), off=switch(stage))


def database(stage: Stage) -> Database:
    dsn = stage.directory / "dsn"
    dsn.write_text(f"postgresql://mallory@127.0.0.1:{stage.port}/shop")
    return Database(url=SecretRef(file=str(dsn)))


def script(stage: Stage, **changed: object) -> RunScript:
    """The configured one, but for these values."""
    (answer,) = (one.answer for one in stage.configuration().alerts.values() if one.answer)
    assert answer.look
    own = RunScript(
        service=stage.backend,
        command=answer.act,
        verify=answer.look,
        timeout=answer.timeout,
    )
    return own.model_copy(update=changed)


def settings(stage: Stage, **values: str) -> SetEnvironment:
    """With the very diff that the worker would make of them."""
    proposed = ActivityEnvironment().run(
        EnvironmentActivities(Managers()).propose_environment,
        ProposeEnvironment(service=stage.backend, values=values),
    )
    return SetEnvironment(service=stage.backend, file=proposed.file, values=values, diff=proposed.diff)


def clean_up(service: Service) -> CleanUpFiles:
    """Of everything that is old there, exactly as the worker would bind it."""
    old = ActivityEnvironment().run(CleanUpActivities().look_at_old_files, service)
    return CleanUpFiles(
        service=service,
        files=tuple(one.path for one in old.files),
        frees=old.size,
        directory=old.directory,
        identities=tuple(one.identity for one in old.files),
    )


def elsewhere(stage: Stage) -> CleanUpFiles:
    place = CleanUp(directory=str(stage.directory / "precious"), older_than=timedelta())
    return clean_up(with_(stage, clean_up=place))


@dataclass(frozen=True)
class Attack:
    """An order in the product's own form that brings something along."""

    brings: str
    order: Callable[[Stage], Change]
    says: str
    """What the refusal names."""


ATTACKS = (
    Attack("a script of its own", lambda stage: script(stage, command=touch(stage)), "no `answer` runs"),
    Attack("a proof of its own", lambda stage: script(stage, verify=touch(stage)), "no `answer` runs"),
    Attack("variables of the worker", lambda stage: script(stage, environment=("HOME",)), "no `answer` runs"),
    Attack(
        "a rollback script",
        lambda stage: RollBack(
            service=with_(stage, rollback=RollBackScript(command=touch(stage))),
            from_version="2",
            script=RollBackScript(command=touch(stage)),
        ),
        "services.backend.rollback",
    ),
    Attack(
        "another program",
        lambda stage: RestartService(service=with_(stage, manager=program(stage, "other"))),
        "services.backend.manager.program",
    ),
    Attack(
        "a container",
        lambda stage: StartService(service=with_(stage, manager=DockerManager(container="stranger"))),
        "services.backend.manager",
    ),
    Attack(
        "another socket of a service manager",
        lambda stage: RestartService(
            service=with_(
                stage,
                manager=SupervisordManager(program="web", socket=f"http://127.0.0.1:{stage.port}"),
            )
        ),
        "services.backend.manager.socket",
    ),
    Attack("a setting", lambda stage: settings(stage, LD_PRELOAD="/tmp/mine.so"), "set LD_PRELOAD"),
    Attack("another value of a setting", lambda stage: settings(stage, POOL="5000"), "set POOL"),
    Attack(
        "another env file",
        lambda stage: settings(stage, POOL="50").model_copy(
            update={
                "file": str(stage.directory / "precious/old.log"),
                "service": with_(stage, env_file=str(stage.directory / "precious/old.log")),
            }
        ),
        "services.backend.env_file",
    ),
    Attack("files outside", elsewhere, "services.backend.clean_up"),
    Attack(
        "another database",
        lambda stage: TerminateSessions(
            service=with_(stage, database=database(stage)),
            sessions=(),
            idle_longer_than=timedelta(minutes=10),
        ),
        "services.backend.database",
    ),
    Attack(
        "a restart as that of a database",
        lambda stage: RestartDatabase(service=stage.backend),
        "no `database` is configured",
    ),
    Attack(
        "an address for a switch",
        lambda stage: ClearCache(service=with_(stage, clear_cache=switch(stage)), holds=1),
        "services.backend.clear_cache",
    ),
    Attack(
        "an address for the degraded mode",
        lambda stage: Degrade(
            service=with_(stage, degradation=switched(stage)), because_of="x", at_most=timedelta(hours=4)
        ),
        "services.backend.degradation",
    ),
    Attack(
        "an endpoint",
        lambda stage: DisableEndpoint(
            service=with_(
                stage,
                endpoints=Endpoints(
                    url=f"http://127.0.0.1:{stage.port}",
                    known=(Endpoint(path="/x", disable=EndpointSwitch(on=switch(stage), off=switch(stage))),),
                ),
            ),
            path="/x",
            at_most=timedelta(days=1),
        ),
        "services.backend.endpoints",
    ),
    Attack(
        "a network",
        lambda stage: ReattachNetwork(service=with_(stage, network="host"), network="host"),
        "services.backend.network",
    ),
    Attack(
        "a port, whose process is to be killed",
        lambda stage: KillProcess(
            service=stage.backend,
            pid=os.getpid(),
            process="python",
            started_at=datetime.now(UTC),
            port=stage.port,
        ),
        "is not the port of this service",
    ),
    Attack(
        "an image that was never recorded",
        lambda stage: RollBack(service=stage.backend, from_version="2", to_version="mallory/shop:1"),
        "no deployment of mallory/shop:1 was recorded",
    ),
    Attack(
        "the name of another service",
        lambda stage: RestartService(service=stage.configuration().services["second"]),
        "steward/backend is not its steward",
    ),
    Attack(
        "the name of no service",
        lambda stage: RestartService(
            service=Service(name="stranger", manager=program(stage, "other")),
        ),
        "there is no service stranger",
    ),
)
