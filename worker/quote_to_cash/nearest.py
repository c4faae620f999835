"""Deals whose id resembles one that no deal has: people type ids in DocuSign and on command lines.

It is only ever said which there are; what was typed is never taken for another deal.
"""

import unicodedata

import sqlalchemy as sa
from rapidfuzz import fuzz, process

from projections.deals import deals

SHOWN_MAX = 3
LIKENESS_MIN = 60.0


def nearest(connection: sa.Connection, workspace: str, deal_id: str) -> tuple[str, ...]:
    """Return the deals that the CRM has shown whose ids come nearest, the nearest first."""
    known = connection.scalars(
        sa.select(deals.c.deal).where(deals.c.workspace == workspace, deals.c.crm_stage.is_not(None))
    )
    return like(deal_id, sorted(known))


def like(wanted: str, known: list[str]) -> tuple[str, ...]:
    """Return those that come nearest; what differs by blanks, dashes, case or width alone comes first."""
    found = process.extract(
        wanted, known, scorer=fuzz.ratio, processor=_bare, score_cutoff=LIKENESS_MIN, limit=SHOWN_MAX
    )
    return tuple(name for name, _, _ in found)


def sentence(found: tuple[str, ...]) -> str:
    """Say which there are, as one goes on after a sentence; nothing where there is none."""
    return f" There is {', '.join(found)}." if found else ""


def _bare(text: str) -> str:
    wide = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in wide if character.isalnum()) or wide
