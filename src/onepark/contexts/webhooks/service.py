"""The use cases of telling operators' servers.

Owns: letting a message wait for each endpoint, posting it, and what staff do with endpoints.
Never: posts inside a transaction, shows a key twice, or decides what is told.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from onepark.contexts.payments.events import AttemptSucceeded, RefundSucceeded
from onepark.contexts.webhooks import rules, store
from onepark.contexts.webhooks.errors import (
    DeliveryUnknown,
    EndpointKnown,
    EndpointUnknown,
    OperatorOnly,
    TooManyEndpoints,
    TooManySecrets,
    UrlRefused,
)
from onepark.contexts.webhooks.model import (
    DeliveryPage,
    DeliveryState,
    EndpointId,
    Endpoints,
    IssuedEndpoint,
    Kind,
    NewEndpoint,
)
from onepark.contexts.webhooks.ports import AuditTrail, Posts
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope, Tx
from onepark.infra.outbox import Outbox, Waiting
from onepark.infra.relay import Sender, Unusable
from onepark.infra.settings import SecretKey
from onepark.infra.signing import encode_secret, new_secret
from onepark.infra.tokens import Sealer
from onepark.kernel.staff import Change, Principal
from onepark.kernel.types import OperatorId

SEAL_PURPOSE = "webhook secret"
LEASE = timedelta(seconds=60)
AT_ONCE = 32

log = structlog.get_logger(__name__)


def deliveries() -> Outbox:
    """Return the table of deliveries as an outbox."""
    return Outbox("webhooks.delivery", Kind)


class Webhooks:
    """Takes facts of payments, and tells each endpoint of them."""

    def __init__(
        self, service_db: Database, secret_key: SecretKey, *, posts: Posts, clock: Clock
    ) -> None:
        self._db, self._posts, self._clock = service_db, posts, clock
        self._sealer = Sealer(secret_key, SEAL_PURPOSE)
        self.sender = Sender(
            *(service_db, deliveries(), self.say),
            clock=clock,
            waits=rules.WAITS,
            lease=LEASE,
            at_once=AT_ONCE,
        )

    async def take(self, tx: Tx, fact: AttemptSucceeded | RefundSucceeded) -> None:
        """Let a fact wait for every endpoint of its operator, with the caller's transaction."""
        await store.fan_out(tx, rules.news_of(fact))

    async def say(self, one: Waiting) -> None:
        """Post a message once; ``Unusable`` says why it was not taken."""
        at = self._clock.now()
        async with self._db.connection() as tx:
            target = await store.target(tx, one.id, at)
        if target is None:
            raise Unusable("the endpoint has ended")
        subject = _subject(target.endpoint_id)
        secrets = [self._sealer.open(sealed, subject=subject) for sealed in target.sealed]
        status = await self._posts.post(
            *(target.url, one.payload.encode()),
            message_id=target.message_id,
            secrets=secrets,
            at=at,
        )
        if not rules.is_heard(status):
            raise Unusable(f"the endpoint answered {status}")


class WebhookOffice:
    """What staff of an operator do with its endpoints; every change leaves a trail."""

    def __init__(
        self,
        staff_db: Database,
        secret_key: SecretKey,
        *,
        posts: Posts,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._db, self._posts, self._audit, self._clock = staff_db, posts, audit, clock
        self._sealer = Sealer(secret_key, SEAL_PURPOSE)

    async def endpoints(self, *, by: Principal) -> Endpoints:
        """Return the endpoints that this person may see."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            return Endpoints(await store.endpoints(tx))

    async def register(self, asked: NewEndpoint, *, by: Principal) -> IssuedEndpoint:
        """Add an endpoint, with a key that is shown this once."""
        operator_id, at = _operator_of(by), self._clock.now()
        if (why := self._posts.why_not(asked.url)) is not None:
            raise UrlRefused(f"url: {why}", field="url")
        async with self._db.transaction(StaffScope.of(operator_id)) as tx:
            await store.lock_operator(tx, operator_id)
            if await store.count_endpoints(tx, operator_id) >= rules.ENDPOINTS_MAX:
                raise TooManyEndpoints(f"An operator has at most {rules.ENDPOINTS_MAX}.")
            added = await store.add_endpoint(
                tx, operator_id, asked.url, asked.facts, by=by.login, at=at
            )
            if added is None:
                raise EndpointKnown("This URL is an endpoint of the operator.")
            secret = await self._add_secret(tx, added, operator_id, at=at)
            after = {"url": asked.url, "facts": sorted(set(asked.facts))}
            await self._note(tx, "webhooks.endpoint_added", added, operator_id, after=after, by=by)
        return IssuedEndpoint(added, asked.url, secret, None)

    async def rotate(
        self, endpoint_id: int, *, overlap: timedelta, by: Principal
    ) -> IssuedEndpoint:
        """Give an endpoint a new key; messages carry signatures of both until the overlap ends."""
        at = self._clock.now()
        until_at = at + overlap
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            operator_id, url = await self._lock(tx, endpoint_id)
            good = await store.good_secrets(tx, endpoint_id, at)
            if good >= rules.GOOD_SECRETS_MAX and overlap:
                raise TooManySecrets(f"{good} keys are still good.")
            await store.end_secrets(tx, endpoint_id, at=until_at)
            named = EndpointId(endpoint_id)
            secret = await self._add_secret(tx, named, operator_id, at=at)
            await self._note(
                *(tx, "webhooks.secret_rotated", named, operator_id),
                after={"former_until": until_at},
                by=by,
            )
        return IssuedEndpoint(named, url, secret, until_at)

    async def end(self, endpoint_id: int, *, by: Principal) -> None:
        """End an endpoint; what waits for it is given up."""
        at = self._clock.now()
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            operator_id, _ = await self._lock(tx, endpoint_id)
            await store.end_endpoint(tx, endpoint_id, by=by.login, at=at)
            named = EndpointId(endpoint_id)
            await self._note(tx, "webhooks.endpoint_ended", named, operator_id, after=None, by=by)

    async def page(
        self,
        endpoint_id: int | None,
        *,
        before: int | None,
        state: DeliveryState | None,
        limit: int,
        by: Principal,
    ) -> DeliveryPage:
        """Return the next deliveries that this person may see, newest first."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            found = await store.deliveries(tx, endpoint_id, before=before, state=state, limit=limit)
        return DeliveryPage(found, found[-1].delivery_id if len(found) == limit else None)

    async def retry(self, delivery_id: int, *, by: Principal) -> None:
        """Have a dead delivery tried again, from its first wait on."""
        async with self._db.transaction(StaffScope.of(by.operator_id)) as tx:
            if not await deliveries().retry(tx, delivery_id, by=by.login):
                raise DeliveryUnknown(f"No delivery {delivery_id} is dead.")

    async def _lock(self, tx: Tx, endpoint_id: int) -> tuple[OperatorId, str]:
        found = await store.lock_endpoint(tx, endpoint_id)
        if found is None:
            raise EndpointUnknown(f"No endpoint {endpoint_id}.")
        return found

    async def _add_secret(
        self, tx: Tx, endpoint_id: EndpointId, operator_id: OperatorId, *, at: datetime
    ) -> str:
        secret = new_secret()
        sealed = self._sealer.seal(secret, subject=_subject(endpoint_id))
        await store.add_secret(tx, endpoint_id, operator_id, sealed=sealed, at=at)
        return encode_secret(secret)

    async def _note(
        self,
        tx: Tx,
        action: str,
        endpoint_id: EndpointId,
        operator_id: OperatorId,
        *,
        after: object,
        by: Principal,
    ) -> None:
        change = Change(by.login, action, _subject(endpoint_id), operator_id, after=after)
        changes: Sequence[Change] = [change]
        await self._audit.append(tx, changes, at=self._clock.now())


def _operator_of(by: Principal) -> OperatorId:
    if by.operator_id is None:
        raise OperatorOnly("An operator's own staff add its endpoints.")
    return by.operator_id


def _subject(endpoint_id: EndpointId) -> str:
    return f"endpoint {endpoint_id}"
