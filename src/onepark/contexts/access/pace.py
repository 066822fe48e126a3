"""How often people may ask, and how often a password may be guessed.

Owns: which tries are counted together.
Never: lets somebody's wrong tries shut out the person from where that person usually comes.
"""

from onepark.contexts.access.errors import TooManyLogins
from onepark.infra.limits import Limit, Limiter

HOUR_S = 3_600
REFRESHES_A_LOGIN = 10  # a refresh token cannot be guessed; this bounds only the work


class StaffPace:
    """So many requests a minute of one person, over all processes."""

    def __init__(self, limiter: Limiter, *, per_minute: int) -> None:
        # Without Redis staff are let in: they must work just then.
        self._limiter, self._limit = limiter, Limit("staff", per_minute, open_when_down=True)

    async def wait_s(self, account_id: int) -> int:
        """Count one request: 0 when it may be answered, else the seconds until the next may."""
        return await self._limiter.wait_s(self._limit, str(account_id))


class LoginPace:
    """How often a login may be tried.

    Every try counts for its address. For the account, tries from an address at which it has logged
    in before count by themselves; all others count together, by the minute and by the hour. So a
    stranger can make a person wait at a strange address only, and nowhere for ever.
    """

    def __init__(self, limiter: Limiter, *, per_minute: int, per_hour: int) -> None:
        self._limiter = limiter
        # Without Redis the few hashing threads are the limit: staff must get in just then.
        self._address = Limit("login-address", per_minute, open_when_down=True)
        self._refresh = Limit("login-refresh", per_minute * REFRESHES_A_LOGIN, open_when_down=True)
        self._at_home = Limit("login-at-home", per_minute, open_when_down=True)
        self._account = Limit("login-account", per_minute, open_when_down=True)
        self._hour = Limit("login-hour", per_hour, open_when_down=True, within_s=HOUR_S)

    async def count_address(self, network: str) -> None:
        """Count a try of an address, before anything is read."""
        await self._limiter.take(self._address, network, refused=TooManyLogins)

    async def count_refresh(self, network: str) -> None:
        """Count a refresh token that an address shows."""
        await self._limiter.take(self._refresh, network, refused=TooManyLogins)

    async def count_account(self, login: str, network: str, *, known: bool) -> None:
        """Count a try of a login, whether there is such an account or not."""
        if known:
            await self._limiter.take(self._at_home, f"{login} {network}", refused=TooManyLogins)
            return
        await self._limiter.take(self._account, login, refused=TooManyLogins)
        await self._limiter.take(self._hour, login, refused=TooManyLogins)
