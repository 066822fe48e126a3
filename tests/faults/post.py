"""What providers send of trades when nothing goes as it should, letter by letter.

Owns: which fate a trade has, how often and in which shapes it is told of, and what is forged.
Never: sends, or forges what a provider's key has signed.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from benchmarks.trades import OpenTrade, Providers, posted, trade_of
from onepark.simulator.providers.trades import Behaviour, Trade
from onepark.simulator.providers.wire import Parcel

WECHAT = "wechat"
COPIES_MEAN = 4.0
FORGED_SHARE = 0.12  # of the letters of a trade
LATE_SHARE = 0.1  # of the letters that come in a later bag: after others of other trades


class Fate(StrEnum):
    """What becomes of a trade, and how its provider tells of it."""

    TOLD = "told"
    LOST = "lost"  # paid, and no notice ever comes
    STALE = "stale"  # paid, and every notice comes too late to be believed
    MISTOLD = "mistold"  # paid, and its notices are a fen off: the provider must be asked
    UNPAID = "unpaid"  # whoever says otherwise forges


FATES = {Fate.TOLD: 93, Fate.LOST: 1, Fate.STALE: 1, Fate.MISTOLD: 1, Fate.UNPAID: 4}


class Letter(NamedTuple):
    """One request, and whether it must be acknowledged or must not be."""

    request: bytes
    is_true: bool


def fates(trades: Sequence[OpenTrade], chance: random.Random) -> dict[str, Fate]:
    """Draw a fate for each trade; Alipay stamps no notice, so none of its own is stale."""
    drawn = chance.choices(list(FATES), list(FATES.values()), k=len(trades))
    return {
        one.attempt_no: Fate.LOST if fate == Fate.STALE and one.channel != WECHAT else fate
        for one, fate in zip(trades, drawn, strict=True)
    }


class Post:
    """The letters of trades."""

    def __init__(self, providers: Providers, chance: random.Random, *, port: int) -> None:
        self._providers, self._chance, self._port = providers, chance, port

    def of(self, one: OpenTrade, fate: Fate) -> Iterator[Letter]:
        """Return every letter of a trade, in the order in which they were written."""
        trade = trade_of(one)
        told = self._providers.notice(trade, _BEHAVIOUR.get(fate))
        silent = fate in {Fate.LOST, Fate.UNPAID}
        for number in range(1 + int(self._chance.expovariate(1 / (COPIES_MEAN - 1)))):
            if silent or self._chance.random() < FORGED_SHARE:
                forged = self._chance.choice(FORGERIES)(self._providers, trade, told, self._chance)
                yield Letter(posted(one.channel, forged, port=self._port), is_true=False)
            if not silent:
                parcel = self._again(trade, told, fate) if number else told
                yield self._letter(one, parcel, is_true=fate != Fate.STALE)

    def storm(self, one: OpenTrade, copies: int) -> list[Letter]:
        """Return one and the same letter so many times."""
        return [self._letter(one, self._providers.notice(trade_of(one)), is_true=True)] * copies

    def _letter(self, one: OpenTrade, parcel: Parcel, *, is_true: bool) -> Letter:
        return Letter(posted(one.channel, parcel, port=self._port), is_true)

    def _again(self, trade: Trade, told: Parcel, fate: Fate) -> Parcel:
        """Repeat a notice: the same bytes, signed anew, or as another event of the same trade."""
        way = self._chance.randrange(4)
        if way < 2:
            return told
        again = trade if way == 2 else replace(trade, event_id=f"{trade.event_id}-{way}")
        return self._providers.notice(again, _BEHAVIOUR.get(fate))


_BEHAVIOUR = {
    Fate.STALE: Behaviour(stale_stamp=True),
    Fate.MISTOLD: Behaviour(wrong_amount=True),
}

Forgery = Callable[[Providers, Trade, Parcel, random.Random], Parcel]


def _wrong_key(providers: Providers, trade: Trade, _told: Parcel, _chance: random.Random) -> Parcel:
    return providers.notice(trade, Behaviour(wrong_serial=True))


def _bad_signature(
    providers: Providers, trade: Trade, _told: Parcel, _chance: random.Random
) -> Parcel:
    return providers.notice(trade, Behaviour(bad_signature=True))


def _flipped(_providers: Providers, _trade: Trade, told: Parcel, chance: random.Random) -> Parcel:
    """Change a bit in the first half of the body: all of it is signed."""
    body = bytearray(told.body)
    body[chance.randrange(len(body) // 2)] ^= 1
    return Parcel(told.headers, bytes(body))


def _cut(_providers: Providers, _trade: Trade, told: Parcel, chance: random.Random) -> Parcel:
    return Parcel(told.headers, told.body[: chance.randrange(len(told.body))])


def _nonsense(_providers: Providers, _trade: Trade, told: Parcel, chance: random.Random) -> Parcel:
    return Parcel(told.headers, chance.randbytes(200))


def _bare(_providers: Providers, trade: Trade, told: Parcel, chance: random.Random) -> Parcel:
    """Leave out what proves a notice: WeChat Pay's headers, or a part of Alipay's form."""
    headers: Mapping[str, str] = {"Content-Type": told.headers["Content-Type"]}
    if trade.order.provider == WECHAT:
        return Parcel(headers, told.body)
    fields = told.body.split(b"&")
    fields.pop(chance.randrange(len(fields)))
    return Parcel(headers, b"&".join(fields))


FORGERIES: Sequence[Forgery] = (_wrong_key, _bad_signature, _flipped, _cut, _nonsense, _bare)
