"""Decoding: a CloudEvent's JSON text to an event that is ready to append, fully checked.

The limit decodes the same texts by msgspec alone, in one pass, into structs with the same fields and limits, with
`Decimal` where we have amounts; it drops unknown fields. The peer is the same model in pydantic. Ours is the door's
function: it checks the attributes, the payload and every text, and keeps unknown fields and the data as written.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal

import msgspec
import pydantic
from msgspec import Meta

from benchmarks import story
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured
from benchmarks.stores import CLOCK
from events.contract import catalog
from events.contract.crm import Stage, TaxMode
from events.contract.envelope import from_structured
from events.contract.values import Currency, Instant, Name, Revision, Workspace

EVENTS = 10_000
Printable = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")]


class Line(msgspec.Struct, frozen=True):
    """A line of a quote."""

    line_id: Printable
    product_id: Printable
    name: Name
    quantity: Decimal
    unit_price: Decimal
    sku: str | None = None
    taxable: bool = True


class Quote(msgspec.Struct, frozen=True):
    """A quote."""

    quote_id: Printable
    revision: Revision
    tax_mode: TaxMode
    lines: tuple[Line, ...]
    total: Decimal


class Deal(msgspec.Struct, frozen=True):
    """A snapshot of a deal."""

    deal_id: Printable
    revision: Revision
    account_id: Printable
    name: Name
    stage: Stage
    currency: Currency
    owner: str | None = None
    po_number: str | None = None
    closed_at: Instant | None = None
    quote: Quote | None = None


class DealEvent(msgspec.Struct, frozen=True):
    """The event that carries it."""

    specversion: Literal["1.0"]
    id: Printable
    source: Annotated[str, Meta(min_length=1, max_length=300)]
    type: Annotated[str, Meta(min_length=1, max_length=300)]
    subject: str
    time: Instant
    workspace: Workspace
    data: Deal


Text = Annotated[str, pydantic.Field(min_length=1, max_length=300)]
Id = Annotated[str, pydantic.Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
Number = Annotated[int, pydantic.Field(ge=0, le=2**53 - 1)]


class PydanticLine(pydantic.BaseModel):
    """A line of a quote."""

    line_id: Id
    product_id: Id
    name: Text
    quantity: Decimal
    unit_price: Decimal
    sku: str | None = None
    taxable: bool = True


class PydanticQuote(pydantic.BaseModel):
    """A quote."""

    quote_id: Id
    revision: Number
    tax_mode: TaxMode
    lines: tuple[PydanticLine, ...]
    total: Decimal


class PydanticDeal(pydantic.BaseModel):
    """A snapshot of a deal."""

    deal_id: Id
    revision: Number
    account_id: Id
    name: Text
    stage: Stage
    currency: Annotated[str, pydantic.Field(pattern=r"^[A-Z]{3}$")]
    owner: str | None = None
    po_number: str | None = None
    closed_at: pydantic.AwareDatetime | None = None
    quote: PydanticQuote | None = None


class PydanticEvent(pydantic.BaseModel):
    """The event that carries it."""

    specversion: Literal["1.0"]
    id: Id
    source: Text
    type: Text
    subject: str
    time: pydantic.AwareDatetime
    workspace: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
    data: PydanticDeal


@asynccontextmanager
async def _open(_directory: Path) -> AsyncIterator[Contenders]:
    deals = (each for each in story.flow() if each.attributes["type"] == catalog.DEAL_UPDATED)
    texts = [each.structured for each in islice(deals, EVENTS)]
    now: datetime = CLOCK.now()

    async def ours() -> Measured:
        return _timed(texts, lambda text: from_structured(text, now=now, workspace=story.WORKSPACE))

    async def limit() -> Measured:
        return _timed(texts, msgspec.json.Decoder(DealEvent).decode)

    async def model() -> Measured:
        return _timed(texts, PydanticEvent.model_validate_json)

    yield Contenders(ours=ours, limit=limit, peer=model)


def _timed(texts: list[bytes], decode: Callable[[bytes], object]) -> Measured:
    started = perf_counter()
    for text in texts:
        decode(text)  # and drop the result: keeping it costs more than decoding
    return {"rate": len(texts) / (perf_counter() - started)}


DECODE = Benchmark(
    name="decode",
    figures=(
        Figure(
            "rate",
            "Decode and full validation",
            "events/s",
            (Goal("limit", 0.45, 0.75),),
        ),
    ),
    open=_open,
    limit="msgspec alone, one pass",
    peer="pydantic",
)
