"""Every command, in the group that help lists it under."""

import typer

from worker.cli import (
    checking,
    dead_letters,
    docusign,
    installation,
    kafka,
    keys,
    people,
    reading,
    running,
    tokens,
)
from worker.cli.groups import GroupedCommands

app = typer.Typer(
    cls=GroupedCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Invoices Coeffection's signed deals in QuickBooks Online.",
)

TRY = "Try it out"
app.command("demo", rich_help_panel=TRY)(running.demo)
app.command("sandbox", rich_help_panel=TRY)(running.sandbox)

RUN = "Run"
app.command("up", rich_help_panel=RUN)(running.up)
app.command("run", rich_help_panel=RUN)(running.run_roles)
app.command("wait", rich_help_panel=RUN)(running.wait)
app.command("migrate", rich_help_panel=RUN)(installation.migrate)
app.add_typer(kafka.topics, name="topics", rich_help_panel=RUN)
app.command("config", rich_help_panel=RUN)(installation.config)

PEOPLE = "People"
app.command("connect", rich_help_panel=PEOPLE)(installation.connect)
app.command("set", cls=people.SettingsListed, rich_help_panel=PEOPLE)(people.set_settings)
app.command("settings", rich_help_panel=PEOPLE)(people.settings)
app.command("map", rich_help_panel=PEOPLE)(people.map_account)
app.command("map-product", rich_help_panel=PEOPLE)(people.map_product)
app.command("invoice", rich_help_panel=PEOPLE)(people.invoice)
app.command("deals", rich_help_panel=PEOPLE)(reading.deals)
app.command("invoices", rich_help_panel=PEOPLE)(reading.invoices)
app.command("log", rich_help_panel=PEOPLE)(reading.log)
app.command("explain", rich_help_panel=PEOPLE)(reading.explain)
installation.workspace.command("docusign")(docusign.status)
installation.workspace.add_typer(docusign.keys, name="docusign-key")
installation.workspace.add_typer(tokens.tokens, name="token")
app.add_typer(installation.workspace, name="workspace", rich_help_panel=PEOPLE)

OPERATIONS = "Operations"
app.command("emit", rich_help_panel=OPERATIONS)(people.emit)
app.command("tail", rich_help_panel=OPERATIONS)(reading.tail)
app.command("replay", rich_help_panel=OPERATIONS)(kafka.replay)
app.command("rebuild", rich_help_panel=OPERATIONS)(reading.rebuild)
app.add_typer(kafka.offsets, name="offsets", rich_help_panel=OPERATIONS)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=OPERATIONS)
app.add_typer(keys.keys, name="keys", rich_help_panel=OPERATIONS)

PROOF = "Proof"
app.command("verify", rich_help_panel=PROOF)(checking.verify)
app.command("simulate", rich_help_panel=PROOF)(checking.simulate)
