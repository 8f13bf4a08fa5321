"""The control room and the steward as they were before orders were signed."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.stewardship import ControlRoomState, StewardState
    from workflows.people.orders import Orders
    from workflows.stewardship.control_room import ControlRoom
    from workflows.stewardship.deployments import Deployments
    from workflows.stewardship.steward import Steward


class JudgesNothing(Orders):
    """As it was before: it leaves no trace in a history."""

    def judges(self) -> bool:
        return False


@workflow.defn(name="ControlRoom")
class ControlRoomBefore(ControlRoom):
    @workflow.init
    def __init__(self, state: ControlRoomState) -> None:
        super().__init__(state)
        self._orders = JudgesNothing(state.used)

    @workflow.run
    async def run(self, state: ControlRoomState) -> None:
        await super().run(state)


@workflow.defn(name="Steward")
class StewardBefore(Steward):
    @workflow.init
    def __init__(self, state: StewardState) -> None:
        super().__init__(state)
        self._orders = JudgesNothing(state.used)
        self._deployments = Deployments(self._ledger, self._orders)

    @workflow.run
    async def run(self, state: StewardState) -> None:
        await super().run(state)
