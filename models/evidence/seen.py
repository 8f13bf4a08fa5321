"""Everything that an incident looked at."""

from __future__ import annotations

from models.base import Model
from models.evidence.app_executions import ExecutionsSeen
from models.evidence.evidence import (
    DatabaseSeen,
    DependenciesSeen,
    Evidence,
    HealthSeen,
    HostSeen,
    LogsSeen,
    PortSeen,
    ProcessSeen,
)
from models.evidence.history import HistorySeen
from models.evidence.issues import SentrySeen
from models.evidence.providers import ProvidersSeen
from models.evidence.service_metrics import CpuSeen, ErrorsSeen, HeapSeen
from models.evidence.sessions import SessionsSeen
from models.evidence.surroundings import EnvironmentProposal, NetworksSeen, OldFilesSeen


class Seen(Model):
    """One field a look. What was not looked at is `unknown`."""

    health: HealthSeen = HealthSeen()
    process: ProcessSeen = ProcessSeen()
    logs: LogsSeen = LogsSeen()
    port: PortSeen = PortSeen()
    host: HostSeen = HostSeen()
    database: DatabaseSeen = DatabaseSeen()
    sessions: SessionsSeen = SessionsSeen()
    networks: NetworksSeen = NetworksSeen()
    old_files: OldFilesSeen = OldFilesSeen()
    dependencies: DependenciesSeen = DependenciesSeen()
    dependents: DependenciesSeen = DependenciesSeen()
    dependents_logs: LogsSeen = LogsSeen()
    pool_setting: EnvironmentProposal = EnvironmentProposal()
    errors: ErrorsSeen = ErrorsSeen()
    heap: HeapSeen = HeapSeen()
    cpu: CpuSeen = CpuSeen()
    issues: SentrySeen = SentrySeen()
    providers: ProvidersSeen = ProvidersSeen()
    executions: ExecutionsSeen = ExecutionsSeen()
    history: HistorySeen = HistorySeen()

    def looked_at(self) -> dict[str, Evidence]:
        """The evidence that was gathered, by name, in the order of the fields."""
        every = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: seen for name, seen in every.items() if seen.reason != "not looked at"}
