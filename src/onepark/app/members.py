"""Passes, lists and coupons, assembled.

Owns: which part of members is handed to which.
Never: decides anything about a pass.
"""

from typing import NamedTuple

from onepark.app.databases import Databases
from onepark.contexts.access.service import Audit
from onepark.contexts.ledger.service import Ledger
from onepark.contexts.membership import jobs as membership_jobs
from onepark.contexts.membership.coupons import CouponOffice, Coupons
from onepark.contexts.membership.earning import Earning
from onepark.contexts.membership.lists import Lists
from onepark.contexts.membership.office import PassOffice
from onepark.contexts.membership.service import Passes
from onepark.contexts.registry.directory import Directory
from onepark.contexts.registry.service import Registry
from onepark.contexts.stays.coupon_orders import CouponOrders
from onepark.contexts.stays.ports import Plans
from onepark.infra.limits import Limiter
from onepark.infra.schedule import Job
from onepark.infra.settings import Settings


class Members(NamedTuple):
    """Every part of members."""

    passes: Passes
    pass_office: PassOffice
    lists: Lists
    coupons: Coupons
    coupon_office: CouponOffice
    earning: Earning

    def jobs(self) -> list[Job]:
        """Return the recurring work that no request waits for."""
        return membership_jobs.jobs(self.coupons, self.earning)


def members_of(
    settings: Settings,
    *,
    databases: Databases,
    registry: Registry,
    plans: Plans,
    limiter: Limiter,
) -> Members:
    """Assemble members."""
    audit, clock = Audit(), registry.clock

    def archive() -> Directory:
        return registry.directory

    return Members(
        passes=Passes(
            databases.service,
            archive=archive,
            limiter=limiter,
            clock=clock,
            per_minute=settings.dues_per_minute_max,
        ),
        pass_office=PassOffice(databases.staff, archive=archive, audit=audit, clock=clock),
        lists=Lists(databases.staff, archive=archive, audit=audit, clock=clock),
        earning=Earning(databases.service, ledger=Ledger(), clock=clock),
        coupon_office=CouponOffice(databases.staff, archive=archive, audit=audit, clock=clock),
        coupons=Coupons(
            databases.service,
            parking=CouponOrders(plans),
            ledger=Ledger(),
            limiter=limiter,
            clock=clock,
            per_minute=settings.dues_per_minute_max,
        ),
    )
