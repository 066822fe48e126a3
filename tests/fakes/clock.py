"""A clock that is moved by hand."""

from datetime import datetime, timedelta

from tests.builders import EIGHT


class HandClock:
    """Tells the time that it was last set to."""

    def __init__(self, at: datetime = EIGHT) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def go(self, by: timedelta) -> None:
        self.at += by
