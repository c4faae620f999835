"""Every command, by the room it is about."""

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

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Closes the loop between Coeffection deals and QuickBooks Online.",
)

app.command("demo", rich_help_panel="Try it")(running.demo)
app.command("sandbox")(running.sandbox)
app.command("up")(running.up)
app.command("run")(running.run_roles)
app.command("wait")(running.wait)

installation.workspace.add_typer(docusign.keys, name="docusign-key")
installation.workspace.add_typer(tokens.tokens, name="token")
installation.workspace.command("docusign")(docusign.status)
app.add_typer(installation.workspace, name="workspace")
app.command("connect")(installation.connect)
app.command("config")(installation.config)
app.command("migrate")(installation.migrate)
app.add_typer(keys.keys, name="keys")
app.add_typer(kafka.topics, name="topics")
app.add_typer(kafka.offsets, name="offsets")
app.command("replay")(kafka.replay)

app.command("set")(people.set_settings)
app.command("settings")(people.settings)
app.command("map")(people.map_account)
app.command("map-product")(people.map_product)
app.command("invoice")(people.invoice)
app.command("emit")(people.emit)

app.command("deals")(reading.deals)
app.command("invoices")(reading.invoices)
app.command("log")(reading.log)
app.command("explain")(reading.explain)
app.command("tail")(reading.tail)
app.add_typer(dead_letters.app, name="dead-letters")
app.command("rebuild")(reading.rebuild)

app.command("verify")(checking.verify)
app.command("simulate")(checking.simulate)
