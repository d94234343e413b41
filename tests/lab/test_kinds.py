"""Each kind of check against its real server from Debian: up, wrong answer, slow, silent, gone and back.

The servers that are heavy to install or slow to begin are in heavy/.
"""

from __future__ import annotations

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.kinds import Asked, RealServer, check, check_going_and_coming, check_now, dripping, module, start_dripping
from shoal_lab.servers import WebServer, make_ftp_files
from shoal_lab.topology import Lab

REDIS, REDIS_SHUT, REDIS_LOST, REDIS_TLS, REDIS_LOCKED = range(6379, 6384)
GRPC, GRPC_TLS = 50051, 50052
LDAP, LDAP_CLOSED = 389, 390

UP = [
    Asked("text", REDIS),
    Asked("text", REDIS, settings={"send": "PING\\r\\n", "expect": "+PONG"}),
    Asked("icmp", 80),
    Asked("http", 80, settings={"path": "/alive", "expect_pattern": "^alive$"}),
    Asked("https", 443, settings={"expect_pattern": "web-1"}),
    Asked("tls", 443),
    Asked("dns", 53, settings={"query_name": "www.example.com", "answer": "192.0.2.80"}),
    Asked("dns", 53, settings={"query_name": "www.example.com", "protocol": "udp"}, note="udp"),
    Asked("ftp", 21),
    Asked("smtp", 25),
    Asked("smtp", 465, settings={"tls": True}),
    Asked("redis", REDIS),
    Asked("redis", REDIS_LOCKED, note="wants-a-password"),
    Asked("redis", REDIS_TLS, settings={"tls": True}),
    Asked("ldap", LDAP),
    Asked("ldap", LDAP_CLOSED, note="no-anonymous-bind"),
    Asked("grpc", GRPC),
    Asked("grpc", GRPC, settings={"grpc_service": "well"}),
    Asked("grpc", GRPC_TLS, settings={"tls": True}),
]
WRONG = [
    Asked("redis", REDIS_SHUT, "down", 'refuses: "DENIED Redis is running in prote..."'),
    Asked("redis", REDIS_LOST, "down", 'refuses: "MASTERDOWN Link with MASTER is d..."'),
    Asked("redis", REDIS_TLS, "down", note="without-tls"),
    Asked("grpc", GRPC, "down", "NOT_SERVING", {"grpc_service": "sick"}),
    Asked("grpc", GRPC, "down", "NOT_FOUND", {"grpc_service": "other"}),
    Asked("redis", REDIS, "down", "", {"tls": True}, note="with-tls"),
    # Another server stands here.
    Asked("http", 21, "down", 'not HTTP: answered "220 '),
    Asked("smtp", REDIS, "down", ""),
    Asked("redis", 25, "down", 'answered "220 '),
    Asked("ldap", 25, "down", 'answered "220 '),
    Asked("grpc", 25, "down", ""),
    Asked("imap", 25, "down", 'answered "220 '),
    Asked("pop3", 25, "down", 'answered "220 '),
    Asked("mysql", 21, "down", 'answered "220 '),
    Asked("postgresql", REDIS, "down", ""),
    Asked("sip", 80, "down", 'answered "HTTP/1.1 '),
    Asked("ftp", GRPC, "down", ""),
    Asked("dns", 25, "down", "", {"query_name": "www.example.com"}),
]
SLOW = dripping(UP)
SLAPD = "pidfile {directory}/slapd{port}.pid\n{more}\n"


def redis(lab: Lab, port: int, *more: str) -> RealServer:
    return RealServer(lab.webs[0], lab.directory, [f"tcp:{port}"], "redis-server", "--port", str(port), "--bind", "0.0.0.0",
                      "--save", "", "--dir", lab.directory, *more)


def slapd(lab: Lab, port: int, more: str) -> RealServer:
    file = lab.directory / f"slapd{port}.conf"
    file.write_text(SLAPD.format(directory=lab.directory, port=port, more=more))
    return RealServer(lab.webs[0], lab.directory, [f"tcp:{port}"], "slapd", "-d", "0", "-h", f"ldap://0.0.0.0:{port}", "-f", file)


def real_servers(lab: Lab) -> list[RealServer]:
    node, directory = lab.webs[0], lab.directory
    web = WebServer(lab, node)
    certificate, key = web.files / "certificate.pem", web.files / "key.pem"
    return [
        RealServer(node, directory, ["tcp:80", "tcp:443"], "nginx", "-p", web.directory, "-c", web.directory / "nginx.conf",
                   "-g", "daemon off;"),
        RealServer(node, directory, ["tcp:53", "udp:53"], "dnsmasq", "-k", "--conf-file=/dev/null", "--no-resolv",
                   "--no-hosts", "--pid-file", "--host-record=www.example.com,192.0.2.80", "--user=root"),
        RealServer(node, directory, ["tcp:21"], "vsftpd", make_ftp_files(lab, node)),
        RealServer(node, directory, ["tcp:25"], *module("aiosmtpd", "-n", "-l", "0.0.0.0:25")),
        RealServer(node, directory, ["tcp:465"], *module("aiosmtpd", "-n", "-l", "0.0.0.0:465", "--smtpscert", certificate,
                                                         "--smtpskey", key)),
        redis(lab, REDIS, "--protected-mode", "no"),
        redis(lab, REDIS_LOCKED, "--requirepass", "secret"),
        redis(lab, REDIS_SHUT),
        redis(lab, REDIS_LOST, "--protected-mode", "no", "--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "no"),
        redis(lab, REDIS_TLS, "--port", "0", "--tls-port", str(REDIS_TLS), "--protected-mode", "no", "--tls-auth-clients", "no",
              "--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)),
        slapd(lab, LDAP, ""),
        slapd(lab, LDAP_CLOSED, "disallow bind_anon"),
        RealServer(node, directory, [f"tcp:{GRPC}"], *module("shoal_lab.grpc_health", str(GRPC))),
        RealServer(node, directory, [f"tcp:{GRPC_TLS}"], *module("shoal_lab.grpc_health", str(GRPC_TLS), certificate, key)),
    ]


@pytest.fixture(scope="module")
def bench(make_shared_bench):
    def servers(lab: Lab) -> list[RealServer]:
        started = [server.start() for server in real_servers(lab)]
        start_dripping(lab, SLOW)
        return started
    return make_shared_bench(Settings(services=[Service(weights={"web-1": 1})]), servers=servers)


def test_a_server_that_answers_is_up_also_byte_by_byte(bench):
    check(bench.director, UP + SLOW)


def test_a_server_that_says_otherwise_is_down_for_what_it_says(bench):
    check(bench.director, WRONG)


def test_a_server_that_falls_silent_or_ends_is_down_until_it_is_back(bench):
    check_going_and_coming(bench.director, bench.webs, UP)


def test_one_check_at_once_shows_how_it_went(bench):
    good, lost = Asked("redis", REDIS), Asked("redis", REDIS_LOST, "down", "MASTERDOWN")
    check(bench.director, [good, lost])
    said = ['connecting to 10.11.12.1, port 6379', 'connected', 'sent 6 bytes: "PING\\r\\n"',
            'received 7 bytes: "+PONG\\r\\n"', 'answered']
    assert check_now(bench.director, good) == (0, said)
    exit_status, said = check_now(bench.director, lost)
    assert exit_status == 1 and 'MASTERDOWN' in said[-2] and said[-1].startswith('failed: refuses: "MASTERDOWN')
    server = next(server for server in bench.webs if server.ports == [f"tcp:{REDIS}"])
    server.kill()
    assert check_now(bench.director, good) == (1, ['connecting to 10.11.12.1, port 6379', 'failed: connection refused'])
    server.start()
