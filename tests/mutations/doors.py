"""Mutations of incoming messages: signatures, envelopes, identities, dead letters."""

from tests.mutations.mutation import Mutation

_DOCUSIGN = "worker/docusign/connect.py"
_SIGNATURES = "worker/docusign/signatures.py"
_ENVELOPES = tuple(f"tests/worker/docusign/test_{name}.py" for name in ("envelopes", "signatures", "door"))
_NOTICES = ("tests/worker/quickbooks/test_notices.py", "tests/worker/web/test_quickbooks_door.py")
_EVENTS = tuple(
    f"tests/events/{name}.py"
    for name in (
        "log/test_log",
        "log/test_intake",
        "contract/test_envelope_refusals",
        "log/test_dead_letters",
    )
)

MUTATIONS = (
    Mutation(
        "completed_only",
        _DOCUSIGN,
        'COMPLETED: (catalog.CONTRACT_SIGNED, "completedDateTime")',
        'COMPLETED: (catalog.CONTRACT_DELIVERED, "completedDateTime")',
        "No signed contract wins a deal.",
        _ENVELOPES,
    ),
    Mutation(
        "sent_instant",
        _DOCUSIGN,
        'sent_at=_instant(summary, ("sentDateTime",))',
        'sent_at=_instant(summary, ("statusChangedDateTime",))',
        "A quote that was edited between sending and signing is taken for the signed one.",
        _ENVELOPES,
    ),
    Mutation(
        "instant_of_signing",
        _DOCUSIGN,
        "at = _instant(summary, (status_time, ",
        'at = _instant(summary, ("sentDateTime", status_time, ',
        "A contract that was sent before the cut-over and signed after it is never invoiced.",
        _ENVELOPES,
    ),
    Mutation(
        "blanks_in_deal_id",
        _DOCUSIGN,
        'deal_id = identifiers.trimmed(\n            field.value or ""\n        )',
        'deal_id = field.value or ""',
        "A deal whose ID was pasted with a blank is never invoiced.",
        _ENVELOPES,
    ),
    Mutation(
        "one_key_alone",
        _SIGNATURES,
        "for number, digest in self._digests.items():\n            expected",
        "for number, digest in list(self._digests.items())[:1]:\n            expected",
        "During a rotation of keys, DocuSign's messages are refused.",
        _ENVELOPES,
    ),
    Mutation(
        "one_signature_alone",
        _SIGNATURES,
        "fits |= hmac.compare_digest(expected, signature.encode())",
        "fits = hmac.compare_digest(expected, signature.encode())",
        "Messages that are signed with several keys are refused.",
        _ENVELOPES,
    ),
    Mutation(
        "key_decoded",
        _SIGNATURES,
        "hmac.new(key.encode(), digestmod=hashlib.sha256)",
        "hmac.new(base64.b64decode(key + '=='), digestmod=hashlib.sha256)",
        "No message matches any DocuSign key.",
        _ENVELOPES,
    ),
    Mutation(
        "signed_by_anybody",
        "worker/web/doors/docusign.py",
        "    if not fitting:\n        raise _unsigned(known, given)\n",
        "",
        "Anybody who knows the address can sign contracts.",
        _ENVELOPES,
    ),
    Mutation(
        "identity_of_envelope",
        _DOCUSIGN,
        'id=f"{envelope_id}:{kind}:{at.isoformat()}"',
        'id=f"{kind}:{at.isoformat()}"',
        "Of two contracts that are signed in the same second, one is lost.",
        _ENVELOPES,
    ),
    Mutation(
        "noticed_by_anybody",
        "worker/web/doors/quickbooks.py",
        "    if not signature.fits(given):",
        "    if not given:",
        "Anybody who knows the address can have companies read again and again.",
        _NOTICES,
    ),
    Mutation(
        "identity_of_notice",
        "worker/quickbooks/notices.py",
        "changed.operation, changed.at.isoformat())",
        "changed.operation)",
        "Of two changes of one object in the classic form, the second is dropped.",
        _NOTICES,
    ),
    Mutation(
        "merged_object",
        "worker/quickbooks/notices.py",
        "survivor=entity.id) for each in deleted]",
        "survivor=entity.id) for each in deleted[:0]]",
        "An object that was merged into another one is not noticed to be gone.",
        _NOTICES,
    ),
    Mutation(
        "answered_before_stored",
        "worker/web/doors/quickbooks.py",
        "        results = await _store(services, of_workspace)\n",
        "        results = await _store(services, of_workspace[:1])\n",
        "Changes that Intuit does not send again are lost.",
        _NOTICES,
    ),
    Mutation(
        "unknown_realm_remembered",
        "worker/quickbooks/holders.py",
        "self._known |= {realm: (workspace, now) for realm, workspace in found.items()}",
        'self._known |= {realm: (found.get(realm, ""), now) for realm in unknown}',
        "Changes in the first seconds after a company is connected are lost.",
        _NOTICES,
    ),
    Mutation(
        "workspace_of_event",
        "events/contract/envelope.py",
        "if workspace is not None and owner != workspace:",
        "if workspace is not None and not owner:",
        "A workspace writes into the deals of another.",
        _EVENTS,
    ),
    Mutation(
        "identity_conflict",
        "events/log/log.py",
        'AppendResult("conflict" if differ else "duplicate", position, differ)',
        'AppendResult("duplicate", position)',
        "A correction with a used identity is dropped without a trace.",
        _EVENTS,
    ),
    Mutation(
        "dead_letter_lost",
        "events/log/intake.py",
        "kept = iter(store_letters(connection, letters, now, limits))",
        "kept = iter([True] * len(letters))",
        "Unusable messages are dropped without a trace.",
        _EVENTS,
    ),
    Mutation(
        "own_source",
        "events/contract/envelope.py",
        "if known.source.casefold().startswith(OWN_SOURCES):",
        "if known.source.startswith(OWN_SOURCES):",
        "An event from outside is taken for one of our own, and is skipped.",
        _EVENTS,
    ),
)
