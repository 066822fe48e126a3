"""What members do by themselves.

Owns: how often coupons of orders that are over, and passes that earn, are looked for.
Never: decides.
"""

from onepark.contexts.membership.coupons import Coupons
from onepark.contexts.membership.earning import Earning
from onepark.infra.schedule import Job

CONSUME_EVERY_S = 15.0
EARN_EVERY_S = 60.0


def jobs(coupons: Coupons, earning: Earning) -> list[Job]:
    """Return the recurring work of members."""
    return [
        Job("consume_coupons", CONSUME_EVERY_S, coupons.consume),
        Job("earn_passes", EARN_EVERY_S, earning.earn),
    ]
