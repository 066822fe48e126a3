"""Who a request of staff comes from, and whether it goes on.

Owns: the order of what is asked: token, pace, session, role, second factor.
Never: looks at what the request wants beyond its permission.
"""

from datetime import timedelta

import msgspec

from onepark.contexts.access.errors import (
    LoginRequired,
    NotAllowed,
    SecondFactorNeeded,
    TooManyRequests,
)
from onepark.contexts.access.ports import LiveSessions, Pace
from onepark.contexts.access.rules import allows, lacks_second_factor
from onepark.infra.clock import Clock
from onepark.infra.tokens import TokenError, Tokens
from onepark.kernel.staff import Permission, Principal

STEP_UP_PATH = "/v1/staff/sessions/current/codes"


class Doorkeeper:
    """Says who a request comes from; a token alone is not believed beyond its session."""

    def __init__(
        self,
        tokens: Tokens,
        *,
        sessions: LiveSessions,
        pace: Pace,
        clock: Clock,
        fresh_for: timedelta,
    ) -> None:
        self._tokens, self._sessions, self._pace = tokens, sessions, pace
        self._clock, self._fresh_for = clock, fresh_for

    async def admit(self, authorization: str, permission: Permission) -> Principal:
        """Return the person behind an Authorization header who has the permission."""
        by = self._identify(authorization)
        wait_s = await self._pace.wait_s(by.account_id)
        if wait_s:
            raise TooManyRequests(f"Wait {wait_s} s.", retry_after_s=wait_s)
        at = self._clock.now()
        if not await self._sessions.is_live(by.session_id, by.account_id, at=at):
            raise LoginRequired("This session has ended.")
        if not allows(by.role, permission):
            raise NotAllowed(f"{by.role} may not {permission}.")
        if lacks_second_factor(by, permission, at, fresh_for=self._fresh_for):
            raise SecondFactorNeeded(f"{permission} needs a code.", step_up=STEP_UP_PATH)
        return by

    def _identify(self, authorization: str) -> Principal:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise LoginRequired("No bearer token was sent.")
        try:
            claims = self._tokens.read(token.strip())
            said = {**claims, "account_id": claims["sub"], "session_id": claims["sid"]}
            return msgspec.convert(said, Principal, strict=False)
        except (TokenError, KeyError, msgspec.ValidationError) as error:
            raise LoginRequired("This token is not valid, or no longer.") from error
