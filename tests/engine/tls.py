"""Certificates for an engine that listens on loopback TCP, made by openssl and good for two days."""

from __future__ import annotations

from pathlib import Path

from tests.engine.engine import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def make_certificates(folder: Path) -> None:
    """Fill *folder* with ca.pem, server-cert.pem, server-key.pem, and cert.pem, key.pem for DOCKER_CERT_PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    ca = ("-subj", "/CN=migops tests CA", "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2")
    run(["openssl", "req", "-x509", *_KEY, *ca, *usage], cwd=folder)
    _sign(folder, "server-", "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _sign(folder, "", "extendedKeyUsage=clientAuth\n")


def _sign(folder: Path, prefix: str, extensions: str) -> None:
    (folder / "extensions").write_text(
        f"basicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid,issuer\n{extensions}"
    )
    key, request = f"{prefix}key.pem", f"{prefix}request.pem"
    run(["openssl", "req", *_KEY, "-subj", f"/CN=migops {prefix}test", "-keyout", key, "-out", request], cwd=folder)
    signer = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
    run(["openssl", "x509", "-req", "-in", request, "-out", f"{prefix}cert.pem", *signer], cwd=folder)
