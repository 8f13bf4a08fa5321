"""The only list of checks."""

from __future__ import annotations

from models.checks.check import CheckName
from workflows.checks.daily import DailyCheck
from workflows.checks.monthly import MonthlyCheck
from workflows.checks.status import Status
from workflows.checks.weekly import WeeklyCheck
from workflows.doctor.doctor import Doctor
from workflows.people.signed_out import SignedOut

CHECKS: dict[CheckName, type[object]] = {
    CheckName.DAILY: DailyCheck,
    CheckName.WEEKLY: WeeklyCheck,
    CheckName.MONTHLY: MonthlyCheck,
}
"""Their workflows by the name that people use."""

HOSTED: tuple[type[object], ...] = (*CHECKS.values(), Status, Doctor, SignedOut)
"""With what only a person asks for, or does."""
