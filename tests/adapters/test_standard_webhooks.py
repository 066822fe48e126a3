"""The library that signs for devices and outbound hooks agrees with its specification."""

from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from tests.adapters.support import vectors


def test_the_specifications_example_signs_to_the_same_text():
    vector = vectors("standard_webhooks")
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    signature = Webhook(vector["secret"]).sign(vector["id"], at, vector["body"])
    assert signature == vector["signature"]
