"""The simulated city against the served one: at the end the books of both add up."""

import subprocess
import sys

import pytest

from tests.flows.city.served import City


@pytest.mark.timeout(180)
def test_counts_stays_orders_and_payments_add_up_after_traffic(city: City):
    city.behave(delay_s=0.3)
    command = [sys.executable, "-m", "onepark.app.cli", "simulate"]
    options = ["--for", "12", "--rate", "40", "--check", "--no-backfill", "--seed", "320281"]
    done = subprocess.run(
        [*command, "--demo", str(city.data / "demo.json"), *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
