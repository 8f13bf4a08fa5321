"""What every request about an incident shares: its ID in the path, its size, the status of each trouble."""

from __future__ import annotations

from starlette.requests import Request

from runtime.errors import NobodyAnswers, NoKey, NoSuchIncident, Rejected, TemporalAway, Trouble
from runtime.incidents import parse_id
from runtime.store.database import StoreAway

MOST_BODY = 16 * 1024
_STATUS: dict[type[Trouble], int] = {
    TemporalAway: 503,
    StoreAway: 503,
    NobodyAnswers: 503,
    NoKey: 503,
    NoSuchIncident: 404,
    Rejected: 409,
}


def incident_of(request: Request) -> str:
    """The ID in the path of a request. Raises NoSuchIncident for an invalid one."""
    return parse_id(f"{request.path_params['alert']}/{request.path_params['service']}")


def status_of(trouble: Exception) -> int:
    """503 when a retry may help; 500 for what is not known."""
    return next((status for kind, status in _STATUS.items() if isinstance(trouble, kind)), 500)
