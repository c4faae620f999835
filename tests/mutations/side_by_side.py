"""PostgreSQL's own dangers: what SQLite, and so the simulation, can't show."""

from tests.mutations.mutation import Mutation

_LOG = ("tests/events/test_side_by_side.py",)
_COMMANDS = ("tests/worker/commands/test_side_by_side.py",)

MUTATIONS = (
    Mutation(
        "log_not_locked",
        "events/log.py",
        "    hold(connection, Lock.LOG)\n",
        "",
        "A reader at the tail skips events that are committed late.",
        _LOG,
        seeds=False,
    ),
    Mutation(
        "hole_stops_reader",
        "events/log.py",
        '.where(log.c.position > sa.bindparam("after"), *conditions)',
        '.where(log.c.position.between(sa.bindparam("after") + 1, sa.bindparam("after") + sa.bindparam("limit")), *conditions)',
        "A reader stops for ever at positions that were rolled back.",
        _LOG,
        seeds=False,
    ),
    Mutation(
        "subscription_not_locked",
        "events/subscriptions.py",
        ".order_by(subscriptions.c.name).with_for_update()",
        ".order_by(subscriptions.c.name)",
        "Two runners handle the same events at once.",
        _LOG,
        seeds=False,
    ),
    Mutation(
        "checkpoint_not_compared",
        "events/subscriptions.py",
        '.where(_named(names), subscriptions.c.position == sa.bindparam("before"))',
        '.where(_named(names), sa.bindparam("before") >= 0)',
        "A reader that was overtaken moves the checkpoint back.",
        _LOG,
        seeds=False,
    ),
    Mutation(
        "offsets_move_back",
        "events/offsets.py",
        "if only_forward else None",
        "if not only_forward else None",
        "A partition that two processes had for a moment is read again from further back.",
        _LOG,
        seeds=False,
    ),
    Mutation(
        "dead_letters_not_locked",
        "events/dead_letters.py",
        "    hold(connection, Lock.LOG)  # numbers too are handed out in the order of commits\n",
        "",
        "Who buries the same message at the same moment fails instead of being answered.",
        _LOG,
        seeds=False,
    ),
)
