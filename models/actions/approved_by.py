"""By whose word a plan was carried out, where no person approved it: in orders, records and reviews."""

from __future__ import annotations

REVERTED = "the approval of what is reverted"
"""What was temporary is reverted by the approval of the change itself."""

_POLICY, _END = "policy (", ")"


def by_policy(why: str) -> str:
    """The configuration allows it, for this reason."""
    return f"{_POLICY}{why}{_END}"


def policy_says(approved_by: str) -> str:
    """Why the configuration allowed it; empty where it was approved otherwise."""
    if not approved_by.startswith(_POLICY):
        return ""
    return approved_by.removeprefix(_POLICY).removesuffix(_END)


def nobody_was_asked(approved_by: str) -> bool:
    return approved_by == REVERTED or approved_by.startswith(_POLICY)
