"""What invoices do by themselves.

Owns: invoices under way, those that say too much since a refund, messages, and what is forgotten.
Never: believes anything that the services would not.
"""

from onepark.contexts.invoices.issuing import Issuing
from onepark.contexts.invoices.telling import Telling
from onepark.contexts.invoices.titles import TitleBook
from onepark.infra.schedule import Job

ASK_EVERY_S = 1.0
REVERSE_EVERY_S = 2.0
TELL_EVERY_S = 1.0
FORGET_EVERY_S = 3_600.0


def jobs(issuing: Issuing, telling: Telling, titles: TitleBook) -> list[Job]:
    """Return the recurring work of invoices."""

    async def ask() -> int:
        await issuing.ask_providers()
        return 0

    async def reverse() -> int:
        await issuing.reverse_refunded()
        await issuing.make_rests()
        return 0

    async def tell() -> int:
        await telling.tell()
        return 0

    async def forget() -> int:
        await issuing.forget_contacts()
        await titles.forget_unused()
        return 0

    return [
        Job("invoices.ask_providers", ASK_EVERY_S, ask),
        Job("invoices.take_back", REVERSE_EVERY_S, reverse),
        Job("invoices.tell", TELL_EVERY_S, tell),
        Job("invoices.forget", FORGET_EVERY_S, forget),
    ]
