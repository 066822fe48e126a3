"""Tables whose rows belong to no operator, each with the reason.

Owns: that list; whatever is not on it has an operator_id and row-level security.
Never: excuses a table that staff can touch.
"""

from collections.abc import Mapping

UNOWNED: Mapping[str, str] = {
    "calendar.day_ruling": "days are the same in every lot of the city",
    "calendar.revision": "a number that says when to read the days again",
    "invoices.kept_title": "a citizen's own title, sealed, found only by the token they hold",
    "jobs.run": "work of the whole platform with a calendar, and nobody's rows",
    "ledger.anchor": "the heads of the chains of all operators together, to be shown to everybody",
    "payments.notice": "what providers send is kept before anybody knows whose it is",
    "payments.outbox": "facts on their way to the worker; each names its own operator",
    "payments.refund_request": "a member of staff's own key to refunds that were asked for once",
    "payments.request": "a citizen's own key to the answer that was given once",
    "reconciliation.file": "a bill as a provider gave it, for all operators together",
    "reconciliation.line": "a line of such a bill, before anybody knows whose it is",
    "reconciliation.movement": "a movement on an account of the city's, for all operators together",
    "registry.version": "a number that says when to read the archive again",
    "schema_migrations": "which migrations were made",
    "settlement.day": "which days of the whole city are cleared, and no money of anybody",
    "stays.claim": "answers to devices by lot; the passage path reads it, and no person",
    "stays.incarnation": "how often the database came back from a backup",
    "stays.outbox": "facts on their way to the worker; each names its own lot",
    "stays.plate_model": "how cameras of one model misread, learned over all lots",
    "tariffs.revision": "a number that says when to read the tariffs again",
}
