"""Who is told when a real server fails: by a command, a webhook and a mail."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.receivers import MailRelay, Webhook
from shoal_lab.shell import end, wait_for
from shoal_lab.topology import CLIENT

PAGE = """#!/bin/sh
env | grep ^SHOAL_ | sort >>"$1"
echo "uid $(id -u)" >>"$1"
"""


SILENT_NAME_SERVER = """
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
print("ready", flush=True)
server.recv(4096)
print("asked", flush=True)
while True:
    server.recv(4096)
"""


@pytest.fixture
def told(make_bench):
    """A director that tells by command, webhook and mail, and where what was told can be seen."""
    bench = make_bench()
    lab = bench.lab
    bench.webhook = Webhook(lab.client, CLIENT, lab.directory)
    bench.relay = MailRelay(lab.client, CLIENT, lab.directory)
    script = lab.directory / "page-me"
    script.write_text(PAGE)
    script.chmod(0o755)
    folder = lab.directory / "pages"
    folder.mkdir()
    folder.chmod(0o777)
    bench.pages = folder / "pages"
    settings = Settings(services=[Service(), Service(name="elsewhere", port=81, monitor={"type": "none"})], notifications=[
        {"name": "pager", "events": ["real-server-down"], "command": [str(script), str(bench.pages)]},
        {"name": "chat", "virtual_servers": ["web"], "webhook": bench.webhook.url},
        {"name": "others", "events": ["real-server-down"], "virtual_servers": ["elsewhere"], "webhook": bench.webhook.url + "/never"},
        {"name": "mail", "mail_to": ["ops@example.com", "boss@example.com"], "mail_from": "shoal@example.com",
         "mail_relay": bench.relay.address}])
    bench.director.start_runner()
    bench.director.apply(settings)
    return bench


def lines_of(file) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_failure_and_the_return_are_told_in_each_way(told):
    told.webs["web-2"].kill()
    told.director.wait_for_pool("web-2", False, 10)
    lines = wait_for("the command ran", lambda: lines_of(told.pages)[:9] if len(lines_of(told.pages)) >= 9 else [], 30)
    assert "SHOAL_EVENT=real-server-down" in lines and "SHOAL_REAL_SERVER=web-2" in lines
    assert "SHOAL_VIRTUAL_SERVER=web" in lines and "SHOAL_ADDRESS=10.11.12.2" in lines
    assert "SHOAL_DIRECTOR=director-1" in lines and "SHOAL_REASON=connection refused" in lines
    assert "uid 65534" in lines
    def posts(event: str) -> list[dict]:
        return [post for post in told.webhook.posts() if post["event"] == event and post["real_server"] == "web-2"]

    def mails(beginning: str) -> list:
        return [mail for mail in told.relay.mails() if mail["Subject"].startswith(beginning)]

    assert wait_for("a post came", lambda: posts("real-server-down"), 30)[0]["count"] == 1
    mail = wait_for("a mail came", lambda: mails("[shoal] real server web-2 of web is down: connection refused"), 30)[0]
    assert mail["X-RcptTo"] == "ops@example.com, boss@example.com"
    assert "Address:        10.11.12.2\n" in mail.get_payload(decode=True).decode().replace("\r\n", "\n")

    told.webs["web-2"].start()
    told.director.wait_for_pool("web-2", True, 20)
    wait_for("the return was posted", lambda: posts("real-server-up"), 30)
    wait_for("the return was mailed", lambda: mails("[shoal] real server web-2 of web is up"), 30)
    assert len(lines_of(told.pages)) == 9, "the pager wants failures alone"


def test_what_cannot_be_told_is_logged_and_changes_nothing_else(told):
    end(told.director.runner)
    for process in told.lab.client.pids():
        told.client.run("kill", str(process), check=False)
    for name in ("web-1", "web-2"):
        told.webs[name].kill()
        told.director.wait_for_pool(name, False, 10)
    wait_for("shoal-run is missed", lambda: any("programs_not_run" in line for line in told.director.events()), 30)
    wait_for("each way is given up", lambda: {"pager", "chat", "mail"} <= {
        line.split("notification_failed: ")[1].split(",")[0]
        for line in told.director.events() if "notification_failed: " in line}, 60)
    assert told.director.server("web-3")["in_pool"]


def test_the_end_of_shoald_waits_for_no_name(make_bench):
    bench = make_bench()
    director, lab = bench.director, bench.lab
    asked = bench.client.start(sys.executable, "-c", SILENT_NAME_SERVER, CLIENT, stdout=subprocess.PIPE, text=True)
    assert asked.stdout.readline() == "ready\n"
    names = lab.directory / "resolv.conf"
    names.write_text(f"nameserver {CLIENT}\noptions timeout:30 attempts:5\n")
    director.prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(names)]
    director.restart()
    director.apply(Settings(notifications=[{"name": "chat", "webhook": "http://nobody.example/"}]))
    director.shoal("drain", "web/web-1")
    assert asked.stdout.readline() == "asked\n"
    director.process.terminate()
    assert director.process.wait(60) == 0
    director.prefix = []
    director.start()
