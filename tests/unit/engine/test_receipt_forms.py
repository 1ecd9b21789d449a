"""The form of message_ids is told from traffic, whatever it is, in whatever order."""

import pytest

from adapters.trace.receipts import ReceiptPicker
from adapters.trace.record import Captured, Stream
from engine.receipt_forms import FormsSeen
from engine.receipts import FORMS, Form
from tests.receipts.messages import accepted, as_receipts_have_it, receipt, submit

FIRST = 1_000_000


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_told(form: Form) -> None:
    """All ids fit it; subscribers whose answers were not seen say nothing."""
    seen = FormsSeen()
    for number in range(FIRST, FIRST + 50):
        answer, written = as_receipts_have_it(number, form)
        seen.receipt(b"", written.encode(), number)
        seen.answer(answer.encode(), number)
        seen.receipt(b"", written.encode(), number + 500)
    fit = seen.fit("tlv")
    assert (fit.ids, fit.fits[form], fit.best) == (100, 50, form)
    assert (seen.fit("text").ids, seen.fit("text").best) == (0, None)


def test_a_trace_tells() -> None:
    """Requests, answers and receipts of two sessions with the same sequence numbers are kept apart."""
    seen = FormsSeen()
    picker = ReceiptPicker(seen)
    for number in range(FIRST, FIRST + 20):
        for session, other in (("0-1", number), ("0-2", number + 100)):
            pdus = [
                (Stream.FROM_PLATFORM, submit(other + 7)),
                (Stream.TO_SMSC, submit(other)),
                (Stream.FROM_SMSC, accepted(other)),
                (Stream.FROM_SMSC, receipt(other, failed=False)),
                (Stream.TO_PLATFORM, receipt(other, failed=False)),
            ]
            for stream, octets in pdus:
                picker.take(Captured(0.0, session, stream, octets))
    assert (seen.answered, len(seen.receipts)) == (40, 40)
    assert {seen.fit(part).best for part in ("text", "tlv")} == {"decimal-of-hex"}
