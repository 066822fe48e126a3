"""Cars of a run: the same for the same seed, and never the same for two users.

Owns: plates.
Never: sends anything.
"""

from collections.abc import Iterator

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SERIAL = "0123456789" + LETTERS
PROVINCES = "苏浙沪皖鲁豫闽赣"
HEADS = [province + letter for province in PROVINCES for letter in LETTERS]
NUMBERS = 1_000
USERS_MAX = len(SERIAL) ** 2
STEPS = (1, 3, 7, 9, 11, 13, 17, 19)  # none shares a factor with NUMBERS


def plates(seed: int, user: int) -> Iterator[str]:
    """Yield the 192,000 plates of one user, in an order that the seed fixes.

    The third and fourth place are the user's own, so that no two users have one car.
    Raises ValueError for a user beyond the 1,156 that have plates.
    """
    if not 0 <= user < USERS_MAX:
        raise ValueError(f"there are plates for {USERS_MAX} users, this is number {user}")
    own = SERIAL[user // len(SERIAL)] + SERIAL[user % len(SERIAL)]
    step, first = STEPS[seed % len(STEPS)], seed % len(HEADS)
    for place in range(len(HEADS)):
        head = HEADS[(first + place) % len(HEADS)]
        for number in range(NUMBERS):
            yield f"{head}{own}{(seed + number * step) % NUMBERS:03d}"
