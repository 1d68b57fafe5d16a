"""A certification authority for one test run, and server certificates that are good, expired, or for somebody else."""

import pathlib
import ssl
import subprocess
import tempfile

KINDS = ("good", "wrong_host", "expired", "untrusted")
_NAMES = {"wrong_host": "DNS:somebody-else.example"}
_OWN = "DNS:localhost,IP:127.0.0.1,IP:::1"

_AUTHORITY = """
[ca]
default_ca = authority
[authority]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def _openssl(*arguments):
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {ran.stderr.strip()}")


class Authority:
    """Makes everything when it is built; a folder of its own, removed with `close`."""

    def __init__(self):
        self._scratch = tempfile.TemporaryDirectory(prefix="fake-provider-")
        self.folder = pathlib.Path(self._scratch.name)
        self.ca_file = self._root("root")
        self._root("stranger")
        for kind in KINDS:
            self._leaf(kind)

    def close(self):
        self._scratch.cleanup()

    def context(self, kind):
        """For a listener: of a kind of certificate, or "h2", which offers HTTP/2 with the good one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        name = "good" if kind == "h2" else kind
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        context.set_alpn_protocols(["h2", "http/1.1"] if kind == "h2" else ["http/1.1"])
        return context

    def _root(self, name):
        folder = self.folder / name
        folder.mkdir()
        (folder / "index.txt").touch()
        (folder / "ca.conf").write_text(_AUTHORITY.format(folder=folder))
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", f"/CN=fake provider {name}", "-keyout", folder / "ca.key", "-out", folder / "ca.pem",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return folder / "ca.pem"

    def _leaf(self, kind):
        root = self.folder / ("stranger" if kind == "untrusted" else "root")
        names = _NAMES.get(kind, _OWN)
        key, request, certificate = (self.folder / f"{kind}.{end}" for end in ("key", "csr", "pem"))
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                 f"/CN={kind}", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", request)
        until = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if kind == "expired" else ["-days", "20"]
        _openssl("ca", "-batch", "-notext", "-config", root / "ca.conf", "-name", "authority", "-keyfile",
                 root / "ca.key", "-cert", root / "ca.pem", "-in", request, "-out", certificate, *until)
