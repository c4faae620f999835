"""The remedy of a dead letter, by its reason."""

AGAIN = "Correct it in the sending system, and send it again."
IN_KAFKA = "Its content is not stored here; read it from Kafka, at its topic, partition and offset."
REMEDIES = {
    "content_type_unsupported": "Send it as JSON: application/cloudevents+json, or application/json as data.",
    "deal_id_missing": "Add the custom field deal_id to the envelope in DocuSign, and have Connect send the message again.",
    "envelope_data_missing": "In DocuSign's Connect configuration, include the envelope's data with custom fields, and have Connect send the message again.",
    "format_unsupported": "In DocuSign's Connect configuration, choose JSON SIM, and have Connect send the message again.",
    "header_malformed": "Percent-encode the attributes in headers, as CloudEvents' HTTP binding requires, and send it again.",
    "identity_conflict": "Send the changed content as a new event, with an id of its own.",
    "notice_unusable": "Nothing has to be sent again: the next sync reads what changed in QuickBooks. Report it with its content if it comes again.",
    "source_reserved": "Set source to the producer's own name, and send it again.",
    "too_large": "Send it again without the data that an invoice does not need.",
    "too_many_events": "Send it in several batches.",
    "too_many_values": "Send it again without the data that an invoice does not need.",
    "type_not_accepted": "Send it again with a type that producers may send.",
    "type_unknown": "Send it again with a supported type.",
    "undecodable": "Send it again, complete and as JSON in UTF-8.",
    "value_missing": "Send an event with the new state instead of deleting the message.",
    "version_unknown": "Send it again in a supported version.",
    "workspace_mismatch": "Send it with a token of its own workspace.",
    "workspace_missing": "Add the attribute workspace, and send it again.",
    "workspace_unknown": "Add the workspace (q2c workspace add), or correct the attribute workspace, and send it again.",
}


def remedy(reason: str, field: str | None, *, kept: bool = True) -> str:
    """Return the remedy of a dead letter; one stored without its content (`kept` false) is still in Kafka."""
    if reason == "schema_invalid" and field:
        said = f"Correct {field} in the sending system, and send it again."
    else:
        said = REMEDIES.get(reason, AGAIN)
    return said if kept else f"{said} {IN_KAFKA}"
