"""What webhooks do by themselves.

Owns: how soon operators are told.
Never: tells what payments did not say.
"""

from onepark.contexts.webhooks.service import Webhooks
from onepark.infra.schedule import Job

SEND_EVERY_S = 1.0


def jobs(webhooks: Webhooks) -> list[Job]:
    """Return the recurring work of webhooks."""
    return [Job("webhooks.send", SEND_EVERY_S, webhooks.sender.run)]
