"""The same town, over HTTP."""

from tests.store.membership.conftest import owner, plate, town

__all__ = ["owner", "plate", "town"]
