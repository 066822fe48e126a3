"""The exit status of a run.

Owns: reading what Locust measured, and naming the thresholds that broke.
Never: compares; thresholds.py does.
"""

from pathlib import Path

from locust.env import Environment
from locust.stats import StatsEntry

from loadtests.common.thresholds import Reached, breaches, read


def watch(environment: Environment, scenario: str, file: Path) -> None:
    """Compare at the end; a breach makes the exit status 1."""
    limits = read(scenario, file)

    def judge(environment: Environment, **_: object) -> None:
        told = [_reached(one) for one in environment.stats.entries.values()]
        told.append(_reached(environment.stats.total)._replace(name="total"))
        broken = breaches(limits, told)
        for line in broken:
            print(f"threshold broken: {line}", flush=True)
        environment.process_exit_code = 1 if broken else 0

    environment.events.quitting.add_listener(judge)


def _reached(entry: StatsEntry) -> Reached:
    return Reached(
        name=entry.name,
        requests=entry.num_requests,
        failed=entry.num_failures,
        per_s=entry.total_rps,
        p50_ms=entry.get_response_time_percentile(0.5) or 0,
        p95_ms=entry.get_response_time_percentile(0.95) or 0,
        p99_ms=entry.get_response_time_percentile(0.99) or 0,
    )
