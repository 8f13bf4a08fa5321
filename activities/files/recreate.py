"""Recreates a service so that it reads the settings that a person has edited in its env file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.files.env_edit import values_in
from activities.files.env_files import FileTrouble, read
from activities.managers import ManagerError, ManagerRefused, Managers, ServiceManager
from activities.service.outcomes import Looking
from activities.service.run_once import SETTLES_WITHIN, once
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import RecreateService
from models.evidence.evidence import Evidence, Finding
from models.service.service import Service


class UnreadSettingsSeen(Evidence):
    """The settings of the env file that the service does not run with, by name. `ok` when it has them all."""

    settings: tuple[str, ...] = ()


class RecreateActivities:
    """Compares env files of this host with what their services were started with."""

    def __init__(self, managers: Managers, settles_within: timedelta = SETTLES_WITHIN) -> None:
        self._managers = managers
        self._settles_within = settles_within

    @activity.defn
    def look_at_unread_settings(self, service: Service) -> UnreadSettingsSeen:
        """`bad` when it must be recreated to take them; `unknown` where that cannot be told."""
        now = datetime.now(UTC)
        if service.env_file is None:
            reason = f"no env_file is configured for {service.name}"
            return UnreadSettingsSeen(reason=reason, observed_at=now, applies=False)
        try:
            unread = _unread(self._managers.of(service), service)
        except (FileTrouble, ManagerError) as trouble:
            return UnreadSettingsSeen(reason=str(trouble), observed_at=now)
        if unread is None:
            reason = f"what {service.name} was started with is not known"
            return UnreadSettingsSeen(reason=reason, observed_at=now)
        names = tuple(unread)
        return UnreadSettingsSeen(
            finding=Finding.BAD if names else Finding.OK,
            reason=f"it does not run with {', '.join(names)} as in {service.env_file}"
            if names
            else f"it runs with what is in {service.env_file}",
            observed_at=now,
            settings=names,
        )

    @activity.defn(no_thread_cancel_exception=True)
    def recreate_service(self, request: Perform[RecreateService]) -> ActionResult:
        """Done when it was started after it was asked for. Only the settings of the plan may change."""
        action = request.action
        manager = self._managers.of(action.service)

        def act() -> None:
            try:
                unread = _unread(manager, action.service) if action.service.env_file else None
            except FileTrouble as trouble:
                raise ManagerRefused(str(trouble)) from trouble
            if unread is not None and tuple(unread) != action.settings:
                changed = f"{action.service.env_file} was changed since this was planned"
                raise ManagerRefused(f"{changed}: plan it again")
            if action.settings:
                manager.recreate(unread or {})
            else:
                manager.restart()

        return once(action.says, Looking(manager, action, request.asked_at), act, self._settles_within)


def _unread(manager: ServiceManager, service: Service) -> dict[str, str | None] | None:
    """What the file says otherwise than the service was started with; None where that is not known."""
    started_with = manager.environment()
    if started_with is None:
        return None
    written = values_in(read(str(service.env_file)).text)
    changed = {key: value for key, value in written.items() if started_with.get(key, value) != value}
    return dict(sorted(changed.items()))
