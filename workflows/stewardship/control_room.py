"""The control room: the fleet's switch.

The kill switch stops new actions everywhere and is refused to nobody. It is read by every
steward before each step; budgets and maintenance windows have their place here.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.stewardship import ControlRoomState, Switch

UI = "somebody in the Temporal UI"


@workflow.defn
class ControlRoom:
    """One run for the whole fleet, started when somebody first uses it."""

    @workflow.init
    def __init__(self, state: ControlRoomState) -> None:
        self._state = state

    @workflow.run
    async def run(self, state: ControlRoomState) -> None:
        """Keep the switch until the history is long, then go on in a new run."""
        self._show()
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self._state)

    @workflow.update(description="Stop every new action, everywhere.")
    def suspend(self, switch: Switch | None = None) -> ControlRoomState:
        """Throw the switch; who and why stand in every refusal that follows."""
        return self._turn(True, switch or Switch(by=UI))

    @workflow.update(description="Allow actions again.")
    def resume(self, switch: Switch | None = None) -> ControlRoomState:
        """Take the switch back."""
        return self._turn(False, switch or Switch(by=UI))

    @workflow.query(description="Whether actions are suspended, by whom and why.")
    def state(self) -> ControlRoomState:
        return self._state

    def _turn(self, suspended: bool, switch: Switch) -> ControlRoomState:
        self._state = ControlRoomState(
            suspended=suspended, by=switch.by, why=switch.why, since=workflow.now()
        )
        self._show()
        return self._state

    def _show(self) -> None:
        state = self._state
        if state.suspended:
            workflow.set_current_details(f"**Suspended** by {state.by}: {state.why or 'no reason given'}")
        else:
            workflow.set_current_details("Actions are allowed.")
