"""Five payment providers as a merchant sees them, for demonstrations and tests.

Owns: the provider's side of every dialect, written from their specification.
Never: imports an adapter of ours, so that each side checks the other; moves real money.
"""
