"""What goes wrong when somebody posts.

Owns: the two mistakes of a caller; neither is a request that a client could mend.
Never: a refusal: the books are not asked from outside.
"""


class JournalUnsound(ValueError):
    """A journal does not balance, is empty, or moves nothing."""


class BusinessKeyReused(Exception):
    """Something else was posted under this business key before."""
