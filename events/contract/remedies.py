"""What to do about a dead letter, by its reason."""

AGAIN = "Correct it where it was made, and send it again."
IN_KAFKA = (
    "Its bytes are not kept here; Kafka has them at its topic, partition and offset as long as it keeps them."
)
REMEDIES = {
    "content_type_unsupported": "Send it as JSON: application/cloudevents+json, or application/json as data.",
    "deal_id_missing": "Give the envelope a custom field deal_id in DocuSign, and have Connect send it again.",
    "envelope_data_missing": "Include the envelope's data, with custom fields, in DocuSign's Connect configuration, and have it send again.",
    "format_unsupported": "Choose JSON SIM in DocuSign's Connect configuration, and have it send again.",
    "header_malformed": "Percent-encode attributes in headers as CloudEvents' HTTP binding says, and send it again.",
    "identity_conflict": "Send what has changed as an event of its own, with another id.",
    "source_reserved": "Name the producer in source, and send it again.",
    "too_large": "Send it again without what an invoice does not need.",
    "too_many_events": "Send it in several batches.",
    "too_many_values": "Send it again without what an invoice does not need.",
    "type_not_accepted": "Send it as one of the types that producers may send.",
    "type_unknown": "Send it again with one of the types that are known here.",
    "undecodable": "Send it again whole, as JSON in UTF-8.",
    "value_missing": "Send what has become of it instead of deleting the message.",
    "version_unknown": "Send it again in a version that is known here.",
    "workspace_mismatch": "Send it with the token of its own workspace.",
    "workspace_missing": "Send it again with the attribute workspace.",
    "workspace_unknown": "Add the workspace (q2c workspace add), or correct the attribute workspace, and send it again.",
}


def remedy(reason: str, field: str | None, *, kept: bool = True) -> str:
    """Say what to do about a dead letter, whose bytes are kept or not."""
    if reason == "schema_invalid" and field:
        said = f"Correct {field} where it was made, and send it again."
    else:
        said = REMEDIES.get(reason, AGAIN)
    return said if kept else f"{said} {IN_KAFKA}"
