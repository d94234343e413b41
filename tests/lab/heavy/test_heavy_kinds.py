"""Checks against real servers that are heavy to install or slow to begin; only `./run test --all` runs these.

A machine can have one mail server, so that OpenSMTPD is here too; aiosmtpd is beside the others.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.kinds import Asked, RealServer, check, check_going_and_coming, dripping, report, start_dripping, wait_for_health
from shoal_lab.servers import start_web_servers
from shoal_lab.shell import Node, run, wait_for
from shoal_lab.topology import Lab

SMTP, SMTP_FULL, SMTP_SHUT = 25, 26, 27
IMAP, IMAPS, POP3, POP3S = 143, 993, 110, 995
SIP, SIP_BUSY = 5060, 5061
POSTGRESQL, POSTGRESQL_STANDBY = 5432, 5433
MYSQL, MYSQL_NO_GUESTS, MYSQL_STRICT = 3306, 3307, 3308

UP = [
    Asked("smtp", SMTP),
    Asked("imap", IMAP),
    Asked("imap", IMAPS, settings={"tls": True}),
    Asked("pop3", POP3),
    Asked("pop3", POP3S, settings={"tls": True}),
    Asked("sip", SIP),
    Asked("sip", SIP, settings={"protocol": "udp"}, note="udp"),
    Asked("postgresql", POSTGRESQL),
    Asked("mysql", MYSQL),
]
WRONG = [
    Asked("smtp", SMTP_FULL, "down", 'refuses: "421 too many'),
    Asked("smtp", SMTP_SHUT, "down", 'refuses: "554 go away'),
    Asked("sip", SIP_BUSY, "down", 'refuses: "503 '),
    Asked("sip", SIP_BUSY, "down", 'refuses: "503 ', {"protocol": "udp"}, note="udp"),
    Asked("postgresql", POSTGRESQL_STANDBY, "down", 'refuses: "the database system is '),
    Asked("mysql", MYSQL_NO_GUESTS, "down", 'refuses: "Host '),
    # Another server stands here.
    Asked("smtp", IMAP, "down", 'answered "\\* OK'),
    Asked("imap", POP3, "down", 'answered "\\+OK'),
    Asked("pop3", IMAP, "down", 'answered "\\* OK'),
    Asked("postgresql", MYSQL, "down"),
    Asked("mysql", SMTP, "down", 'answered "220 '),
    Asked("redis", SIP, "down"),
    Asked("ldap", POSTGRESQL, "down"),
    Asked("grpc", MYSQL, "down"),
]
SLOW = dripping(UP)
POSTGRESQL_PROGRAMS = "/usr/lib/postgresql/15/bin"

# Nobody answers those who ask for the names of their clients or their own.
WITHOUT_NAMES = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /etc/resolv.conf && exec "$@"', "sh"]
# OpenSMTPD's places are compiled in; the lab's directory stays where it is.
OWN_PLACES = """
set -e
mount --bind "$1" /mnt
mount -t tmpfs tmpfs /run
mkdir -p "$1"
mount --bind /mnt "$1"
mkdir -p /var/spool/smtpd
mount -t tmpfs -o mode=711 tmpfs /var/spool/smtpd
exec smtpd -d -f "$1/smtpd.conf"
"""
SMTPD = """
filter full phase connect match src { "0.0.0.0/0" } disconnect "421 too many of you"
filter shut phase connect match src { "0.0.0.0/0" } disconnect "554 go away"
listen on 0.0.0.0 port 25
listen on 0.0.0.0 port 26 filter full
listen on 0.0.0.0 port 27 filter shut
match from any for any reject
"""
DOVECOT = """
base_dir = {directory}/dovecot
state_dir = {directory}/dovecot
protocols = imap pop3
listen = 0.0.0.0
log_path = /dev/stderr
ssl = yes
ssl_cert = <{files}/certificate.pem
ssl_key = <{files}/key.pem
mail_location = maildir:{directory}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
"""
KAMAILIO = """
children=1
tcp_children=1
log_stderror=yes
listen=udp:0.0.0.0:5060
listen=tcp:0.0.0.0:5060
listen=udp:0.0.0.0:5061
listen=tcp:0.0.0.0:5061
loadmodule "sl.so"
loadmodule "pv.so"
request_route {
  if ($Rp == 5061) { sl_send_reply("503", "Out of lines"); exit; }
  sl_send_reply("200", "OK");
}
"""


def opensmtpd(lab: Lab, node: Node) -> RealServer:
    file = lab.directory / "smtpd.conf"
    file.write_text(SMTPD)
    file.chmod(0o600)
    return RealServer(node, lab.directory, [f"tcp:{port}" for port in (SMTP, SMTP_FULL, SMTP_SHUT)],
                      *WITHOUT_NAMES, "sh", "-c", OWN_PLACES, "sh", lab.directory)


def dovecot(lab: Lab, node: Node, files: Path) -> RealServer:
    file = lab.directory / "dovecot.conf"
    file.write_text(DOVECOT.format(files=files, directory=lab.directory))
    return RealServer(node, lab.directory, [f"tcp:{port}" for port in (IMAP, IMAPS, POP3, POP3S)], "dovecot", "-F", "-c", file)


def kamailio(lab: Lab, node: Node) -> RealServer:
    file = lab.directory / "kamailio.cfg"
    file.write_text(KAMAILIO)
    return RealServer(node, lab.directory, [f"{protocol}:{port}" for protocol in ("tcp", "udp") for port in (SIP, SIP_BUSY)],
                      *WITHOUT_NAMES, "kamailio", "-DD", "-E", "-f", file, "-Y", lab.directory, "-P", lab.directory / "kamailio.pid")


def as_postgres(program: str, *words: str | Path) -> list[str | Path]:
    """It refuses to be root. Its shared memory, which a crash leaves behind, goes with its namespace."""
    return ["unshare", "--ipc", "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
            f"{POSTGRESQL_PROGRAMS}/{program}", *words]


def make_postgresql(lab: Lab) -> Path:
    directory = lab.directory / "postgresql"
    directory.mkdir()
    shutil.chown(directory, "postgres", "postgres")
    run(*as_postgres("initdb", "--no-sync", "--auth=trust", "-D", directory / "primary"))
    with (directory / "primary/pg_hba.conf").open("a") as file:
        file.write("host all all 0.0.0.0/0 scram-sha-256\n")
    shutil.copytree(directory / "primary", directory / "standby")
    run("chown", "-R", "postgres:postgres", directory)
    (directory / "standby/standby.signal").touch()
    return directory


def postgresql(lab: Lab, node: Node, directory: Path, port: int, *more: str) -> RealServer:
    return RealServer(node, lab.directory, [f"tcp:{port}"], *as_postgres(
        "postgres", "-D", directory, "-h", "0.0.0.0", "-p", str(port), "-k", directory, "-c", "dynamic_shared_memory_type=sysv",
        *more))


def make_mysql(lab: Lab) -> Path:
    directory = lab.directory / "mysql"
    run("mariadb-install-db", "--no-defaults", f"--datadir={directory}", "--user=root", "--skip-test-db",
        "--auth-root-authentication-method=normal")
    return directory


def mysql(lab: Lab, node: Node, made: Path, port: int, guests: bool, *more: str) -> RealServer:
    """`guests`: there is a user who may come from other hosts."""
    directory = lab.directory / f"mysql{port}"
    shutil.copytree(made, directory)
    begin = directory / "begin.sql"
    begin.write_text("CREATE USER IF NOT EXISTS web@'%' IDENTIFIED BY 'secret';\n" if guests else "")
    return RealServer(node, lab.directory, [f"tcp:{port}"], *WITHOUT_NAMES, "mariadbd", "--no-defaults",
                      f"--datadir={directory}", "--user=root", f"--port={port}", "--bind-address=0.0.0.0",
                      f"--socket={directory}/socket", f"--init-file={begin}", *more)


def real_servers(lab: Lab) -> list[RealServer]:
    node, files = lab.webs[0], lab.directory / "files"
    database, tables = make_postgresql(lab), make_mysql(lab)
    return [
        opensmtpd(lab, node),
        dovecot(lab, node, files),
        kamailio(lab, node),
        postgresql(lab, node, database / "primary", POSTGRESQL),
        postgresql(lab, node, database / "standby", POSTGRESQL_STANDBY, "-c", "hot_standby=off"),
        mysql(lab, node, tables, MYSQL, True),
        mysql(lab, node, tables, MYSQL_NO_GUESTS, False),
        mysql(lab, node, tables, MYSQL_STRICT, True, "--max-connect-errors=1"),
    ]


@pytest.fixture(scope="module")
def bench(make_shared_bench):
    def servers(lab: Lab) -> list[RealServer]:
        start_web_servers(lab)
        started = [server.start() for server in real_servers(lab)]
        start_dripping(lab, SLOW)
        return started
    return make_shared_bench(Settings(services=[Service(weights={"web-1": 1})]), servers=servers)


def test_a_server_that_answers_is_up_also_byte_by_byte(bench):
    check(bench.director, UP + SLOW)


def test_a_server_that_says_otherwise_is_down_for_what_it_says(bench):
    check(bench.director, WRONG)


def test_checks_do_not_shut_the_director_out_of_mysql(bench):
    """The server would refuse it after one connection that was given up halfway."""
    strict = Asked("mysql", MYSQL_STRICT)
    check(bench.director, [strict])
    wait_for("five checks", lambda: report(bench.director)[0]["checks"] >= 5, 60)
    wait_for_health(bench.director, [strict])


def test_a_server_that_falls_silent_or_ends_is_down_until_it_is_back(bench):
    check_going_and_coming(bench.director, bench.webs, UP)
