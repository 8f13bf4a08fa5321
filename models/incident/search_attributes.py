"""The typed search attributes by which incidents are found, in one table.

They are registered when a worker starts. A run that upserts an attribute which the server does
not know would be retried for ever, so a worker refuses to start without them.
"""

from __future__ import annotations

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.incident.alert import Alert
from models.incident.incident import Phase
from models.names import Severity

ALERT_NAME = SearchAttributeKey.for_keyword("AlertName")
SERVICE = SearchAttributeKey.for_keyword("Service")
SEVERITY = SearchAttributeKey.for_keyword("Severity")
PHASE = SearchAttributeKey.for_keyword("Phase")

CAUSE = SearchAttributeKey.for_keyword("Cause")
"""Set when the incident closes; not where no cause was looked for."""
OUTCOME = SearchAttributeKey.for_keyword("Outcome")
"""Set when the incident closes."""

FAULT = SearchAttributeKey.for_keyword("Fault")
"""Set only on a run in which the product itself made a mistake."""
OWN_CODE = "own code"

DRY_RUN = SearchAttributeKey.for_keyword("DryRun")
"""Set only on a dry run, to where it is said that it is one."""

ALL = (ALERT_NAME, SERVICE, SEVERITY, PHASE, CAUSE, OUTCOME, FAULT, DRY_RUN)


def of_alert(alert: Alert, severity: Severity) -> TypedSearchAttributes:
    """The attributes with which a run is started."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ALERT_NAME, alert.name),
            SearchAttributePair(SERVICE, alert.service),
            SearchAttributePair(SEVERITY, severity.value),
            SearchAttributePair(PHASE, Phase.TRIAGE.value),
        ]
    )
