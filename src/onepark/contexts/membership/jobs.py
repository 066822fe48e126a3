"""What members do by themselves.

Owns: how often the coupons of orders that are over are looked for.
Never: decides.
"""

from onepark.contexts.membership.coupons import Coupons
from onepark.infra.schedule import Job

CONSUME_EVERY_S = 15.0


def jobs(coupons: Coupons) -> list[Job]:
    """Return the recurring work of members."""
    return [Job("consume_coupons", CONSUME_EVERY_S, coupons.consume)]
