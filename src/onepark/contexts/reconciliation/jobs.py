"""What reconciliation does by itself.

Owns: the rhythm of fetching bills, comparing days and asking about what no bill names.
Never: decides; every run is bounded, and doing one again changes nothing.
"""

from onepark.contexts.reconciliation.service import Reconciliation
from onepark.infra.schedule import Job

FETCH_EVERY_S = 60.0
MATCH_EVERY_S = 30.0
ASK_EVERY_S = 300.0


def jobs(reconciliation: Reconciliation) -> list[Job]:
    """Return the recurring work of reconciliation."""
    return [
        Job("reconciliation.fetch", FETCH_EVERY_S, reconciliation.fetch_next),
        Job("reconciliation.match", MATCH_EVERY_S, reconciliation.match_next),
        Job("reconciliation.ask", ASK_EVERY_S, reconciliation.ask_overdue),
    ]
