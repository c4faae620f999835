"""Find the deals whose IDs resemble an unknown ID: people type IDs in DocuSign and on command lines.

The similar IDs are only shown to a person; an unknown ID is never replaced by another deal's.
"""

import unicodedata

import sqlalchemy as sa
from rapidfuzz import fuzz, process

from projections.deals import deals

SHOWN_MAX = 3
LIKENESS_MIN = 60.0


def nearest(connection: sa.Connection, workspace: str, deal_id: str) -> tuple[str, ...]:
    """Return the IDs of the CRM's deals that resemble an ID most, the most similar first."""
    known = connection.scalars(
        sa.select(deals.c.deal).where(deals.c.workspace == workspace, deals.c.crm_stage.is_not(None))
    )
    return like(deal_id, sorted(known))


def like(wanted: str, known: list[str]) -> tuple[str, ...]:
    """Return the most similar texts; a text that differs only in blanks, dashes, case or width comes first."""
    found = process.extract(
        wanted, known, scorer=fuzz.ratio, processor=_bare, score_cutoff=LIKENESS_MIN, limit=SHOWN_MAX
    )
    return tuple(name for name, _, _ in found)


def sentence(found: tuple[str, ...]) -> str:
    """Return a further sentence with the found IDs; an empty text if there is none."""
    return f" There is {', '.join(found)}." if found else ""


def _bare(text: str) -> str:
    wide = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in wide if character.isalnum()) or wide
