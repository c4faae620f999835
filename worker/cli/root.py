"""Every command, by section of the help. A command's module is imported when the command is used."""

from collections.abc import Iterator
from typing import Any

from worker.cli.lazy import Lazy, LazyCommands, Listed, commands

SECTIONS: dict[str, dict[str, Lazy]] = {
    "Try it out": {
        "demo": Lazy("demo:demo", "Sell sample deals and invoice them in a sandbox, with faults."),
        "sandbox": Lazy("sandbox:sandbox", "Run a QuickBooks and DocuSign to test against."),
        "match": Lazy("match:match", "Try the matcher on two files: which customer is each account?"),
    },
    "Run": {
        "up": Lazy("roles:up", "Run the whole system in one process, until SIGTERM or Ctrl-C."),
        "run": Lazy("roles:run_roles", "Run one or more roles in this process; needs PostgreSQL."),
        "wait": Lazy("roles:wait", "Wait until every event is processed and no command is due."),
        "migrate": Lazy("tables:migrate", "Create or upgrade the tables; workers refuse any other schema."),
        "config": Lazy("config:config", "Show and check this installation's settings, with secrets masked."),
        "topics": Lazy("topics:topics", "Create and check Kafka's topics."),
    },
    "People": {
        "connect": Lazy("connections:connect", "Connect a workspace to a QuickBooks company, in a browser."),
        "sync": Lazy("sync:sync", "Read what changed in QuickBooks now, whatever the sync frequency is."),
        "connection": Lazy("connections:connection", "Show the connection to QuickBooks, and its alarm."),
        "disconnect": Lazy(
            "connections:disconnect", "Disconnect the QuickBooks company, and revoke its tokens."
        ),
        "set": Lazy("settings:set_command", "Change a workspace's settings: all of those given, or none."),
        "settings": Lazy(
            "settings:settings", "Show a workspace's settings: value, default, and what each does."
        ),
        "map": Lazy("mappings:map_account", "Map a CRM account to a QuickBooks customer, or create one."),
        "map-product": Lazy("mappings:map_product", "Map a CRM product to a QuickBooks item, or create one."),
        "mappings": Lazy(
            "reviews:app", "Review the customers and items that are suggested for accounts and products."
        ),
        "conflicts": Lazy(
            "conflicts:app", "List and decide the differences between accounts and their customers."
        ),
        "invoice": Lazy("invoices:invoice", "Create a deal's invoice by hand, or retry a refused one."),
        "deals": Lazy("deals:deals", "List deals, each with its first unmet gate."),
        "invoices": Lazy("invoices:invoices", "List invoices in QuickBooks, with balance and status."),
        "log": Lazy("log:log", "Show the integration log: what was done, refused and corrected."),
        "explain": Lazy("deals:explain", "Show a deal's gates and events: why it has no invoice yet."),
        "workspace": Lazy("workspaces:workspace", "Add and list workspaces, API tokens and DocuSign keys."),
    },
    "Operations": {
        "emit": Lazy("events:emit", "Append CloudEvents from a file to the log."),
        "tail": Lazy("feeds:tail", "Print a topic's outgoing events, one CloudEvent a line."),
        "replay": Lazy("topics:replay", "Read Kafka's topics again, from an instant or an offset."),
        "rebuild": Lazy("read_models:rebuild", "Rebuild the read models from the log."),
        "offsets": Lazy("offsets:offsets", "Show and reset Kafka's consumer offsets."),
        "dead-letters": Lazy("dead_letters:app", "List, show and discard unusable messages."),
        "keys": Lazy("keys:keys", "Rotate the keys that encrypt secrets."),
    },
    "Proof": {
        "verify": Lazy(
            "invariants:verify", "Check the database and QuickBooks' books for broken invariants."
        ),
        "simulate": Lazy(
            "simulation:simulate", "Run the worker on a virtual clock, with random faults by seed."
        ),
    },
}


class Root(Listed):
    """The first words of every command; none is imported to list them."""

    def __init__(self, **options: Any) -> None:
        homes = {name: lazy.home for section in SECTIONS.values() for name, lazy in section.items()}
        super().__init__(**{**options, "commands": LazyCommands(homes)})

    def sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the sections of the table."""
        for title, section in SECTIONS.items():
            yield title, [(name, lazy.help) for name, lazy in section.items()]

    def list_commands(self, _context: Any) -> list[str]:
        """Return the names."""
        return list(self.commands)


app = commands("Invoices Coeffection's signed deals in QuickBooks Online.", cls=Root)


@app.callback()
def main() -> None:
    """Do nothing: Typer requires a callback for an app without commands of its own."""
