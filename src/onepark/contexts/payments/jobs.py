"""What payments do by themselves.

Owns: notices that wait, providers that were not heard of, money that goes back.
Never: believes anything that the service would not.
"""

from onepark.contexts.payments.notices import Notices
from onepark.contexts.payments.refunds import Refunds
from onepark.contexts.payments.service import Payments
from onepark.infra.schedule import Job

HANDLE_EVERY_S = 1.0
ASK_EVERY_S = 1.0
GIVE_BACK_EVERY_S = 2.0


def jobs(payments: Payments, notices: Notices, refunds: Refunds) -> list[Job]:
    """Return the recurring work of payments."""

    async def ask() -> int:
        await payments.ask_providers()
        return 0

    async def handle() -> int:
        await notices.handle_waiting()
        return 0

    return [
        Job("payments.handle_notices", HANDLE_EVERY_S, handle),
        Job("payments.ask_providers", ASK_EVERY_S, ask),
        Job("payments.give_back", GIVE_BACK_EVERY_S, refunds.give_back),
        Job("payments.ask_for_refunds", ASK_EVERY_S, refunds.ask_providers),
    ]
