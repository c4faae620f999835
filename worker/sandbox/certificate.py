"""A certificate for the sandbox's https: made anew at each start, signed by itself, for this machine's names."""

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from worker.runtime.serving import KeyPair

VALID = timedelta(days=397)  # the longest that every client accepts
_CLOCKS_DIFFER = timedelta(hours=1)
_NAMES = ("localhost", "127.0.0.1", "::1")
_USED_FOR_NOTHING_ELSE = dict.fromkeys(
    (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def made(directory: Path, host: str, now: datetime) -> KeyPair:
    """Write a certificate for a host and for this machine into a directory, with its key.

    Clients that trust the file `certificate.pem` trust the sandbox.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    pair = KeyPair(directory / "certificate.pem", directory / "key.pem")
    pair.private_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate = _certificate(key, dict.fromkeys((host, *_NAMES)), now)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return pair


def _certificate(key: ec.EllipticCurvePrivateKey, names: dict[str, None], now: datetime) -> x509.Certificate:
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "QuickBooks sandbox")])
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **_USED_FOR_NOTHING_ELSE), critical=True
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
