"""All mutations, by topic."""

from tests.mutations import (
    batches,
    deciding,
    doors,
    in_step,
    invoice,
    once,
    parties,
    products,
    rules,
    side_by_side,
    told,
    unmapped,
    updates,
)
from tests.mutations.mutation import Mutation

ROOMS = {
    "Accounts and customers in step": in_step.MUTATIONS,
    "Batches": batches.MUTATIONS,
    "Content of an invoice": invoice.MUTATIONS,
    "Announcements": told.MUTATIONS,
    "Customers, items, companies": parties.MUTATIONS,
    "Deals, contracts and quotes": rules.MUTATIONS,
    "Decisions of people": deciding.MUTATIONS,
    "Exactly one invoice": once.MUTATIONS,
    "Incoming messages": doors.MUTATIONS,
    "Products and suggested items": products.MUTATIONS,
    "PostgreSQL": side_by_side.MUTATIONS,
    "Unmapped accounts and customers": unmapped.MUTATIONS,
    "Updates of customers": updates.MUTATIONS,
}
MUTATIONS: tuple[Mutation, ...] = tuple(mutation for room in ROOMS.values() for mutation in room)
