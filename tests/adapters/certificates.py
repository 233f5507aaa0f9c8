"""Throw-away certificates for servers and clients under test."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate, its key, both PEM text, and the objects to sign others with."""

    certificate: str
    key: str
    signed: x509.Certificate
    private: ec.EllipticCurvePrivateKey


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def make_pair(common: str, *, issuer: Pair | None = None, expired: bool = False) -> Pair:
    """An authority when `issuer` is None, else a certificate it signed for 127.0.0.1 and the name `inside.example`."""
    key = ec.generate_private_key(ec.SECP256R1())
    end = NOW - DAY if expired else NOW + DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer.signed.subject if issuer else _name(common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * DAY)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("inside.example")]
    signed = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
        issuer.private if issuer else key, hashes.SHA256()
    )
    return Pair(
        signed.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        signed,
        key,
    )
