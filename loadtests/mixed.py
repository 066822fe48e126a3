"""A city as it is: gates, citizens, payments and desks, by their weights.

Usage: see README.md; with a served city, ``locust -f loadtests/mixed.py``.
"""

from loadtests.citizen import Citizen
from loadtests.gate import Gate
from loadtests.lot_operator import LotOperator
from loadtests.payment_provider import PaymentProvider

__all__ = ["Citizen", "Gate", "LotOperator", "PaymentProvider"]
