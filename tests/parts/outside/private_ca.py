"""A certificate authority that nobody else trusts, and servers that it vouches for."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.parts.requirements import missing

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class PrivateCa:
    """One server certificate, for `names` and for loopback."""

    ca_file: Path
    certificate: Path
    key: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def private_ca(directory: Path, *names: str) -> PrivateCa:
    """Made by the machine's `openssl`."""
    if shutil.which("openssl") is None:
        missing("openssl is not installed: apt-get install openssl")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    alternatives = ",".join([*(f"DNS:{name}" for name in names), "DNS:localhost", "IP:127.0.0.1"])
    (directory / "names").write_text(f"subjectAltName={alternatives}\n")
    openssl("req", "-x509", *_CURVE, "-subj", "/CN=Private CA", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", *_CURVE[:-2], "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem")
    return PrivateCa(directory / "ca.pem", directory / "server.pem", directory / "server.key")
