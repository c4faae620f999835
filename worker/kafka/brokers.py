"""The connection to Kafka's brokers: in plain text, or over TLS with a password, a client certificate, or neither."""

import ssl
from typing import Any

from worker.runtime.environment import ConfigurationError, Environment

CLIENT = "q2c"


def connection(environment: Environment) -> dict[str, Any]:
    """Return aiokafka's options for the connection of every client.

    Raises:
        ConfigurationError: A certificate or key can't be used.
    """
    tls = tls_context(environment)
    options: dict[str, Any] = {
        "bootstrap_servers": environment.kafka_brokers,
        "client_id": CLIENT,
        "security_protocol": "PLAINTEXT" if tls is None else "SSL",
        "ssl_context": tls,
    }
    if environment.kafka_username is not None and environment.kafka_password is not None:
        options |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": environment.kafka_sasl_mechanism,
            "sasl_plain_username": environment.kafka_username,
            "sasl_plain_password": environment.kafka_password.get_secret_value(),
        }
    return options


def tls_context(environment: Environment) -> ssl.SSLContext | None:
    """Return the TLS context, which verifies the brokers' certificates and host names; None without TLS.

    Raises:
        ConfigurationError: A file can't be used; the message names the variable.
    """
    if not environment.kafka_by_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=environment.kafka_ca_file)
    except OSError as error:  # an SSLError is one too
        raise ConfigurationError(f"Q2C_KAFKA_CA_FILE: can't be used: {error}") from None
    if environment.kafka_cert_file is not None:
        try:
            context.load_cert_chain(environment.kafka_cert_file, environment.kafka_key_file)
        except OSError as error:
            raise ConfigurationError(
                f"Q2C_KAFKA_CERT_FILE or Q2C_KAFKA_KEY_FILE: can't be used: {error}"
            ) from None
    return context
