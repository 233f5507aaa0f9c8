"""TLS contexts from PEM text. Nothing is read from a path that a user named."""

from __future__ import annotations

import ssl
import tempfile

from apps.kernel.errors import InvalidInput


def client_context(
    *, ca_pem: str = "", certificate_pem: str = "", key_pem: str = "", verify: bool = True
) -> ssl.SSLContext:
    """A client's context that trusts `ca_pem` alone, or the system's authorities where it is empty.

    `certificate_pem` and `key_pem` go together and are shown to the server (mTLS). `verify=False` trusts anybody.
    Errors name the field of KubeConnection and MetricsConnection that is broken.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem or None)
    except (ssl.SSLError, ValueError) as e:
        raise InvalidInput("no certificate can be read from it", field="ca_pem", mend="give PEM text") from e
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if bool(certificate_pem) != bool(key_pem):
        absent = "client_key_pem" if certificate_pem else "client_certificate_pem"
        raise InvalidInput("a client certificate and its key go together", field=absent, mend="give both or neither")
    if certificate_pem:
        _load_client_certificate(context, certificate_pem, key_pem)
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    """`ssl` reads key pairs from files only: this one is mode 0600, and gone when the function returns."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
        pair.write(certificate_pem.rstrip() + "\n" + key_pem)
        pair.flush()
        try:
            context.load_cert_chain(pair.name, password=_no_password)
        except (ssl.SSLError, ValueError) as e:
            raise InvalidInput(
                "certificate and key cannot be read, or do not belong together",
                field="client_certificate_pem",
                mend="give PEM text of the certificate and of its unencrypted private key",
            ) from e


def _no_password() -> bytes:
    """Without it OpenSSL would ask for one at the terminal."""
    raise ValueError("the private key is encrypted")
