"""All mutations, by topic."""

from tests.mutations import doors, invoice, once, parties, rules, side_by_side, told
from tests.mutations.mutation import Mutation

ROOMS = {
    "What an invoice says": invoice.MUTATIONS,
    "What is told of it": told.MUTATIONS,
    "Customers, items, companies": parties.MUTATIONS,
    "Which deals, contracts and quotes": rules.MUTATIONS,
    "Exactly one": once.MUTATIONS,
    "What comes in": doors.MUTATIONS,
    "PostgreSQL": side_by_side.MUTATIONS,
}
MUTATIONS: tuple[Mutation, ...] = tuple(mutation for room in ROOMS.values() for mutation in room)
