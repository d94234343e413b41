"""Each kind of check against servers that misbehave in every way: silent, halting, reset, endless, with broken TLS."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.hostile import start_hostile
from shoal_lab.kinds import Asked, check
from shoal_lab.servers import start_web_servers
from shoal_lab.shell import run
from shoal_lab.topology import Lab

# Of each kind over TCP, what a good server's answer begins with, and what may follow without an end.
ANSWERS = {
    "text": (b"HTTP", b"x"),
    "http": (b"HTTP/1.1 200 OK\r\n", b"X-More: of it\r\n"),
    "dns": (b"\xff\xff", b"\0"),
    "smtp": (b"220-mail", b"220-and more\r\n"),
    "grpc": (b"\0\0\0\4\0\0\0\0\0", b"\0\0\x08\6\0\0\0\0\0pingpong"),
    "ftp": (b"220-files", b"220-and more\r\n"),
    "imap": (b"* OK ", b"ready "),
    "pop3": (b"+OK ", b"ready "),
    "ldap": (b"0\x84\x7f\xff\xff\xff\2\1\1a\x84\x7f\xff\xff\xf0", b"x"),
    "mysql": (b"\xff\xff\xff\0\x0a", b"11"),
    "postgresql": (b"E\x7f\xff\xff\xff", b"Sfatal\0"),
    "redis": (b"-", b"LOADING "),
    "sip": (b"SIP/2.0 100 Trying\r\n", b"Via: you\r\n"),
    "tls": (b"\x16\3\3\x40\0\2", b"\0"),
}
SETTINGS = {
    "text": {"send": "GET / HTTP/1.0\\r\\n\\r\\n", "expect_pattern": "200 OK"},
    "dns": {"query_name": "www.example.com"},
}
# MySQL and PostgreSQL begin in plain text: their checks know no TLS.
TLS_KINDS = [kind for kind in ANSWERS if kind not in ("mysql", "postgresql")]
PLAIN = b"220 mail.example.com ESMTP\r\n"
PORTS = itertools.count(3000)


@dataclass
class Trap:
    """A port of the hostile server, and the check that asks there."""
    asked: Asked
    act: str
    certificate: str = ""

    def port(self, directory: Path) -> dict[str, object]:
        begin, more = (PLAIN, b"") if self.act == "saying" else ANSWERS[self.asked.kind]
        port: dict[str, object] = {"port": self.asked.port, "act": self.act, "says": begin.hex(), "more": more.hex()}
        if self.certificate:
            port |= {"certificate": str(directory / f"{self.certificate}.pem"), "key": str(directory / "key.pem")}
        return port


def traps(act: str, reason: str) -> list[Trap]:
    return [Trap(Asked(kind, next(PORTS), "down", reason, dict(SETTINGS.get(kind, {})), note=act), act) for kind in ANSWERS]


def tls_traps(act: str, reason: str, certificate: str = "") -> list[Trap]:
    """Who asks verifies certificates, for www.example.com and by the authority "ca"."""
    made = []
    for kind in TLS_KINDS:
        settings = {**SETTINGS.get(kind, {}), "verify_certificate": True, "server_name": "www.example.com"}
        if kind != "tls":
            settings["tls"] = True
        made.append(Trap(Asked(kind, next(PORTS), "down", reason, settings, note=certificate or f"tls-{act}"), act, certificate))
    return made


TRAPS = {
    "silent": traps("silent", "within 1 s$"),
    "halting": traps("halting", "within 1 s$"),
    "closing": traps("closing", "closed before answering|connection reset"),
    "resetting": traps("resetting", "connection reset"),
    "endless": traps("endless", "without an end|has no end|does not match|instead of a DNS answer|length mismatch"),
    "expired certificate": tls_traps("silent", "^its certificate expired on 20", "expired"),
    "certificate for another name": tls_traps("silent", "^its certificate is not for www.example.com", "other"),
    "certificate of an unknown authority": tls_traps("silent", "^its certificate is from an unknown authority", "unknown"),
    "plain text instead of TLS": tls_traps("saying", "^TLS handshake: wrong version number"),
    "silent in the handshake": tls_traps("silent", "the TLS handshake was not done within 1 s"),
    "reset in the handshake": tls_traps("reset_when_asked", "connection reset"),
}


def make_certificates(directory: Path) -> None:
    """One key for all: of an authority "ca" and of one that nobody knows, and what they sign."""
    key = directory / "key.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-out", key)
    for authority in ("ca", "nobody"):
        run("openssl", "req", "-x509", "-new", "-key", key, "-days", "2", "-subj", f"/CN={authority}",
            "-out", directory / f"{authority}.pem")
    sign(directory, "good", "www.example.com", "ca")
    sign(directory, "expired", "www.example.com", "ca", days=-1)
    sign(directory, "other", "mail.example.com", "ca")
    sign(directory, "unknown", "www.example.com", "nobody")


def sign(directory: Path, name: str, host: str, authority: str, days: int = 2) -> None:
    extensions = directory / f"{name}.ext"
    extensions.write_text(f"subjectAltName = DNS:{host}\n")
    request = run("openssl", "req", "-new", "-key", directory / "key.pem", "-subj", f"/CN={host}")
    certificate = run("openssl", "x509", "-req", "-CA", directory / f"{authority}.pem", "-CAkey", directory / "key.pem",
                      "-days", str(days), "-extfile", extensions, stdin=request)
    (directory / f"{name}.pem").write_text(certificate)


@pytest.fixture(scope="module")
def bench(make_shared_bench):
    good = Trap(Asked("tls", next(PORTS), settings={"verify_certificate": True, "server_name": "www.example.com"}), "silent", "good")

    def servers(lab: Lab):
        make_certificates(lab.directory)
        every = [good, *itertools.chain(*TRAPS.values())]
        for trap in every:
            if "verify_certificate" in trap.asked.settings:
                trap.asked.settings["ca_file"] = str(lab.directory / "ca.pem")
        start_hostile(lab.webs[0], lab.directory, [trap.port(lab.directory) for trap in every])
        return start_web_servers(lab)
    made = make_shared_bench(Settings(services=[Service(weights={"web-1": 1})]), servers=servers)
    check(made.director, [good.asked])
    return made


@pytest.mark.parametrize("what", TRAPS)
def test_a_misbehaving_server_is_down_of_every_kind(bench, what):
    check(bench.director, [trap.asked for trap in TRAPS[what]])
