"""In whose name an operator's documents are made out, and where it hears of them.

Owns: sellers by day, and the addresses that webhooks go to with the keys that sign them.
Never: changes what was filed, shows a key twice, or takes an address inside our network.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

from onepark.contexts.invoices import message_store, rules, store
from onepark.contexts.invoices.errors import ListenerInvalid, SellerInvalid
from onepark.contexts.invoices.model import Name, OperatorNo, Seller, SellerKind, TaxId
from onepark.contexts.invoices.ports import AuditTrail, InvoiceProvider, Posts
from onepark.contexts.invoices.titles import owner_of
from onepark.infra import signing
from onepark.infra.clock import Clock
from onepark.infra.db import Database, StaffScope
from onepark.infra.tokens import Sealer
from onepark.kernel.staff import Change, Principal

SELLERS_MAX = 1_000
GOODS_CODE = "3040502020200000000"  # *经营租赁*车辆停放服务, as an example in the documents

Text = Annotated[str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{1,64}$(?!\n)")]


class SellerAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """In whose name an operator's documents are made out, from a day on.

    A rate is in hundredths of a per cent: 900 is 9 %. A receipt for non-tax revenue has neither a
    rate nor a goods code.
    """

    kind: SellerKind
    name: Name
    tax_id: TaxId
    division: Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)", examples=["320281"])]
    province: Annotated[Text, Meta(examples=["江苏省"])]
    city: Annotated[Text, Meta(examples=["无锡市"])]
    provider: Annotated[str, Meta(pattern=r"^[a-z_]{1,32}$(?!\n)", examples=["wechat", "by_hand"])]
    provider_account: Annotated[str, Meta(pattern=r"^[!-~]{0,64}$(?!\n)")] = ""
    drawer: Annotated[str, Meta(pattern=r"^[^\u0000-\u001f\u007f]{0,64}$(?!\n)")] = ""
    rate_bp: Annotated[int, Meta(ge=0, le=5_000, examples=[900])] | None = None
    goods_code: Annotated[str, Meta(pattern=r"^[0-9]{19}$(?!\n)", examples=[GOODS_CODE])] | None = (
        None
    )
    goods_name: Annotated[Text, Meta(examples=["车辆停放服务"])]
    preferential_code: Annotated[int, Meta(ge=1, le=18)] | None = None
    valid_from: date
    valid_until: date | None = None
    operator_id: OperatorNo | None = None  # of the city's staff: whose


class SellerList(Struct, frozen=True):
    """Sellers by operator and day."""

    sellers: tuple[Seller, ...]


class ListenerAsked(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an operator wants to hear of its invoices."""

    url: Annotated[str, Meta(max_length=500, examples=["https://parking.example.com/invoices"])]
    operator_id: OperatorNo | None = None  # of the city's staff: whose


class ListenerSet(Struct, frozen=True):
    """The key that messages are signed with, shown once."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"ListenerSet(url={self.url!r})"


class SellerOffice:
    """In whose name documents are made out, and whose fleets get them."""

    def __init__(
        self,
        service_db: Database,
        staff_db: Database,
        *,
        providers: Mapping[str, InvoiceProvider],
        audit: AuditTrail,
        sealer: Sealer,
        posts: Posts,
        clock: Clock,
    ) -> None:
        self._db, self._staff_db, self._providers = service_db, staff_db, providers
        self._audit, self._sealer, self._posts, self._clock = audit, sealer, posts, clock

    async def file(self, asked: SellerAsked, *, by: Principal) -> Seller:
        """Keep in whose name an operator's documents are made out from a day on."""
        owner = owner_of(asked.operator_id, by)
        _check_seller(asked, sorted(self._providers))
        given = {name: getattr(asked, name) for name in Seller.__struct_fields__[2:]}
        filed, now = Seller(seller_id=0, operator_id=owner, **given), self._clock.now()
        async with self._db.transaction() as tx:
            kept = await store.file_seller(tx, filed, by=by.login, at=now)
            if kept is None:
                raise SellerInvalid("valid_from: one begins on that day", field="valid_from")
            change = Change(
                actor=by.login,
                action="invoices.seller_filed",
                subject=f"seller {kept.seller_id}",
                operator_id=owner,
                after={"kind": kept.kind.value, "rate_bp": kept.rate_bp, "tax_id": kept.tax_id},
            )
            await self._audit.append(tx, [change], at=now)
        return kept

    async def sellers(self, *, by: Principal) -> SellerList:
        """Return the sellers that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            return SellerList(tuple(await store.sellers(tx, limit=SELLERS_MAX)))

    async def set_listener(self, asked: ListenerAsked, *, by: Principal) -> ListenerSet:
        """Have an operator told of its invoices under a new key."""
        owner = owner_of(asked.operator_id, by)
        if (why := self._posts.why_not(asked.url)) is not None:
            raise ListenerInvalid(f"url: {why}", field="url")
        secret, now = signing.new_secret(), self._clock.now()
        sealed = self._sealer.seal(secret, subject=f"listener {owner}")
        listener = message_store.Listener(asked.url, sealed)
        async with self._db.transaction() as tx:
            await message_store.set_listener(tx, owner, listener, by=by.login, at=now)
            change = Change(
                actor=by.login,
                action="invoices.listener_set",
                subject=f"operator {owner}",
                operator_id=owner,
                after={"url": asked.url},
            )
            await self._audit.append(tx, [change], at=now)
        return ListenerSet(asked.url, signing.encode_secret(secret))


def _check_seller(asked: SellerAsked, providers: Sequence[str]) -> None:
    vat, given = asked.kind == SellerKind.VAT, (asked.rate_bp, asked.goods_code)
    faults = {
        "tax_id": not rules.is_credit_code(asked.tax_id),
        "provider": asked.provider not in providers,
        "rate_bp": vat != (asked.rate_bp is not None),
        "goods_code": vat != (asked.goods_code is not None),
        "preferential_code": not vat and asked.preferential_code is not None,
        "valid_until": asked.valid_until is not None and asked.valid_until < asked.valid_from,
    }
    for field, wrong in faults.items():
        if wrong:
            raise SellerInvalid(f"{field}: cannot be so", field=field, providers=providers)
    assert not vat or None not in given, "it was looked at"
