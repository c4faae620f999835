"""Papers of secured servers: a private authority, a server's and a client's certificate, and a password."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.servers.processes import LOOPBACK, Owner, give

VALID_DAYS = 30
USERNAME = "q2c"
PASSWORD = "sesam/öffne@dich:50%"  # with characters that a URL must escape


class Papers(msgspec.Struct, frozen=True):
    """The files and the password of a secured server's clients, and the server's own file."""

    ca_file: Path
    client_file: Path
    """The client's certificate and key in one PEM file, for mutual TLS."""
    server_file: Path
    username: str = USERNAME
    password: str = PASSWORD


class Authority:
    """A certificate authority for tests only."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("q2c test authority")
        usage = _key_usage(signs_certificates=True)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str) -> bytes:
        """Return a key and its certificate as PEM, valid for loopback and for both sides of a connection."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address(LOOPBACK))]
        sides = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(_name(name), self._name, key.public_key(), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(sides), critical=False)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private + certificate.public_bytes(serialization.Encoding.PEM)


def issue_papers(directory: Path, owner: Owner) -> Papers:
    """Create new papers in a directory, with the server's file owned by its user."""
    authority = Authority()
    papers = Papers(directory / "ca.pem", directory / "client.pem", directory / "server.pem")
    papers.ca_file.write_bytes(authority.pem())
    for path in (papers.client_file, papers.server_file):
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(authority.issue(path.stem))
    give(papers.ca_file, owner)
    give(papers.server_file, owner)
    return papers


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
