"""Load scenarios for Locust: kinds of users, shapes of a day, thresholds, and a check of the books.

Owns: what a load run does to a served city, through its public API only.
Never: reaches into the platform, or counts what was not acknowledged.
"""
