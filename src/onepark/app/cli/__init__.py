"""The console script `onepark`.

Owns: the list of commands; a command's module is loaded when it is asked for.
Never: does anything by itself.
"""

from importlib import import_module

import click

COMMANDS = {
    "demo": "onepark.app.cli.demo:demo",
    "doctor": "onepark.app.cli.doctor:doctor",
    "jobs": "onepark.app.cli.jobs:jobs",
    "ledger": "onepark.app.cli.ledger:ledger",
    "migrate": "onepark.app.cli.migrate:migrate_database",
    "outbox": "onepark.app.cli.outbox:outbox",
    "quote": "onepark.app.cli.quote:quote",
    "reconcile": "onepark.app.cli.reconcile:reconcile",
    "recount": "onepark.app.cli.recount:recount",
    "registry": "onepark.app.cli.registry:registry",
    "reprice": "onepark.app.cli.reprice:reprice",
    "restored": "onepark.app.cli.restored:restored",
    "serve": "onepark.app.cli.serve:serve",
    "settlement": "onepark.app.cli.settlement:settlement",
    "sign": "onepark.app.cli.sign:sign_request",
    "simulate": "onepark.app.cli.simulate:simulate",
    "staff": "onepark.app.cli.staff:staff",
    "state-hash": "onepark.app.cli.state_hash:state_hash",
    "tariff": "onepark.app.cli.tariff:tariff",
    "up": "onepark.app.cli.up:up",
    "work": "onepark.app.cli.work:work",
}


class Commands(click.Group):
    """Commands by name; the others' imports cost a quick one nothing."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return every name."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=Commands)
@click.version_option(package_name="onepark")
def main() -> None:
    """OnePark (停车一张网): the parking platform of a whole city."""
