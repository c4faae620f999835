"""The gates of customers and items that are being read, or could not be read."""

from events.contract.gates import BEING_READ, Words
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_arrived
from worker.quote_to_cash.readings.folds import known


def _readable(inquiry: Inquiry) -> bool | Unmet:
    states = {stream: known(inquiry.view, stream).reading for stream in inquiry.referred}
    failed = [
        f"{_spoken(stream)}: {reading.problem}" for stream, reading in states.items() if reading.problem
    ]
    return not failed or Unmet({"problems": "; ".join(failed)})


def _is_read(inquiry: Inquiry) -> bool | Unmet:
    states = {stream: known(inquiry.view, stream) for stream in inquiry.referred}
    open_ = [
        _spoken(stream)
        for stream, state in states.items()
        if not state.reading.problem and (state.observed is None or state.reading.is_open)
    ]
    if open_:
        return Unmet({"objects": ", ".join(open_)})
    items = inquiry.items
    return not items.to_be_compared or Unmet(
        {"products": items.named(items.to_be_compared)}, "to_be_compared"
    )


def _spoken(stream: str) -> str:
    kind, _, object_id = stream.split("/", 2)
    return f"{kind} {object_id}"


GATES = (
    Gate(
        "mapping_not_read",
        _readable,
        Words(
            "The invoice's customer or items could not be read from QuickBooks ({problems}).",
            "Reading is retried by itself. If it keeps failing, correct the cause, or map to another customer or item.",
        ),
        depends_on=("customer", "item"),
        given=has_arrived,
    ),
    Gate(
        BEING_READ,
        _is_read,
        Words("Reading {objects} from QuickBooks.", "Nothing to do."),
        depends_on=("customer", "item", "product"),
        given=has_arrived,
        cases={
            "to_be_compared": Words(
                "{products} will be compared with the company's items, once all are read.", "Nothing to do."
            ),
        },
    ),
)
