"""What takes and gives back money, put together as the application puts it together."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from onepark.contexts.ledger.service import Ledger
from onepark.contexts.payments.facts import Facts
from onepark.contexts.payments.notices import Notices
from onepark.contexts.payments.ports import Channel, Payable, RefundWatch
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.infra.clock import Clock
from onepark.infra.db import Database

PUBLIC_URL = "http://127.0.0.1:1/"


class Till(NamedTuple):
    """The parts that the money of a city goes through."""

    payments: Payments
    notices: Notices
    refunds: Refunds


def a_till(
    service_db: Database,
    payable: Payable,
    channels: Mapping[str, Channel],
    clock: Clock,
    *,
    watch: RefundWatch | None = None,
) -> Till:
    """A till of these channels."""
    ledger = Ledger()
    shared: dict[str, Any] = {
        "payable": payable,
        "channels": channels,
        "clock": clock,
        "public_url": PUBLIC_URL,
    }
    facts = Facts(payable=payable, channels=channels, ledger=ledger, clock=clock)
    refunds = Refunds(service_db, ledger=ledger, watch=watch, **shared)
    payments = Payments(service_db, facts=facts, **shared)
    notices = Notices(service_db, facts=facts, refunds=refunds, clock=clock)
    return Till(payments, notices, refunds)
