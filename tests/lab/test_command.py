"""`shoal` as an administrator meets it."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from shoal_lab.configuration import Service, Settings, text
from shoal_lab.director import SHOAL
from shoal_lab.load import sequential
from shoal_lab.shell import ROOT
from shoal_lab.topology import VIP, Lab

GOOD = text(Lab("nat", "paper"), Settings())


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """check(content): exit code and words of `shoal check`, where the lab's devices are."""
    file = tmp_path_factory.mktemp("check") / "shoal.toml"
    with Lab() as lab:
        def checked(content: str | bytes) -> tuple[int, str]:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            done = subprocess.run(lab.director.command(SHOAL, "check", file), capture_output=True, text=True,
                                  errors="replace", timeout=20)
            return done.returncode, done.stdout + done.stderr
        yield checked


def line_of(content: str, part: str) -> int:
    return content[:content.index(part)].count("\n") + 1


def test_a_good_file_passes(check):
    status, words = check(GOOD)
    assert status == 0, words


@pytest.mark.parametrize("right, wrong, words", [
    ("scheduler = 'wlc'", "schedular = 'wlc'", ["schedular", "scheduler"]),
    ("scheduler = 'wlc'", "scheduler = 'fastest'", ["fastest", "wlc"]),
    ("port = 80", "port = 80000", ["80000", "65535"]),
    (f"address = '{VIP}/24'", "address = '192.0.2.800/24'", ["192.0.2.800"]),
    ("service_timeout = '3s'", "service_timeout = 'soon'", ["soon"]),
    ("name = 'web-2'", "name = 'web-1'", ["web-1"]),
    ("device = 'wan0:1'", "", ["device"]),
])
def test_each_problem_names_its_line_and_what_would_be_right(check, right, wrong, words):
    bad = GOOD.replace(right, wrong, 1)
    code, said = check(bad)
    assert code == 1
    for word in words:
        assert word in said
    if wrong:
        assert f":{line_of(GOOD, right)}:" in said, said


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def test_what_the_readme_shows_can_be_copied(check):
    """Its first file is whole; the others begin with the same [global], or go into the first one's
    tables where they say so by "# ..."."""
    whole, *parts = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    start = whole[:whole.index("[[virtual_server]]")]
    files = [whole]
    for part in parts:
        if "# ..." not in part:
            files.append(start + part)
            continue
        service, server = without_comments(part).split("[[virtual_server.real_server]]")
        service = service.replace("[[virtual_server]]", "")
        files.append(whole.replace("[virtual_server.monitor]", service + "[virtual_server.monitor]") + server)
    assert len(files) >= 4
    for file in files:
        code, said = check(file)
        assert code == 0, said


@pytest.mark.parametrize("wrong, words", [
    (Settings(services=[Service(port=0)]), ["persist"]),
    (Settings(services=[Service(options={"firewall_mark": 80})]), ["80", "[[mark]]"]),
    (Settings(services=[Service(options={"network_type": "direct"}, server_options={"port": 8080})]), ["8080"]),
    (Settings(services=[Service(server_options={"upper_threshold": 4, "lower_threshold": 5})]), ["threshold"]),
    (Settings(services=[Service(options={"scheduler_flags": ["sh-port"]})]), ["sh-port"]),
    (Settings(services=[Service(options={"allow": ["10.0.0.1/8"]})]), ["10.0.0.1/8"]),
    (Settings(services=[Service(options={"one_packet": True})]), ["one_packet"]),
])
def test_what_cannot_be_expressed_is_refused_with_the_reason(check, wrong, words):
    code, said = check(text(Lab("nat", "paper"), wrong))
    assert code == 1, said
    for word in words:
        assert word in said, said


def test_all_problems_come_at_once(check):
    bad = GOOD.replace("port = 80", "port = 65536", 1).replace("scheduler = 'wlc'", "scheduler = 'x'", 1)
    bad = bad.replace("weight = 1", "wieght = 1", 1)
    code, said = check(bad)
    assert code == 1
    for part in ("port = 65536", "scheduler = 'x'", "wieght"):
        assert f":{line_of(bad, part)}:" in said, said


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"[global", b"\xff\xfe" * 100, b"a = " + b"[" * 5000])
def test_no_file_crashes_it(check, content):
    assert check(content)[0] in (0, 1)


def test_a_refused_file_changes_nothing(bench):
    file = bench.lab.directory / "bad.toml"
    file.write_text(GOOD.replace("scheduler = 'wlc'", "scheduler = 'x'"))
    before = bench.director.configuration.read_bytes()
    done = subprocess.run(bench.director.command("apply", file), capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "'x'" in (done.stdout + done.stderr).replace('"', "'")
    assert bench.director.configuration.read_bytes() == before
    assert sum(sequential(bench.client, VIP, 6).values()) == 6


def test_status_tells_who_serves(make_bench):
    bench = make_bench(Settings(services=[Service(scheduler="rr")]))
    sequential(bench.client, VIP, 30)
    status = bench.director.status()
    service = status["virtual_servers"][0]
    assert service["counters"]["connections"] == 30
    assert [server["counters"]["connections"] for server in service["real_servers"]] == [10, 10, 10]
    assert status["problems"] == []
    for word in ("web-1", "web-2", "web-3", VIP):
        assert word in bench.director.shoal("status")


def test_a_kernel_setting_in_the_way_is_named_and_left_alone(make_bench):
    """Real servers behind NAT cannot reach anything else while the director forwards nothing."""
    bench = make_bench(Settings(manage_sysctl=False))
    assert bench.director.node.sysctl("net/ipv4/ip_forward") == "0"
    assert any("net.ipv4.ip_forward" in problem for problem in bench.director.status()["problems"])


def test_connections_can_be_filtered(bench):
    sequential(bench.client, VIP, 9)
    every = bench.director.connections()
    assert len(every) == 9
    one = bench.lab.web_address("web-1")
    listed = json.loads(bench.director.shoal("connections", "--json", "--real", one))["connections"]
    assert 0 < len(listed) < 9 and {entry["real_address"] for entry in listed} == {one}


def test_stats_and_version_speak_json(bench):
    assert json.loads(bench.director.shoal("stats", "--json"))
    version = json.loads(bench.director.shoal("version", "--json"))
    assert version["shoal"] and version["shoal"] == version["shoald"]


def test_without_a_director_the_command_says_so(tmp_path):
    done = subprocess.run([SHOAL, "--socket", tmp_path / "none.sock", "status"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode != 0 and "shoald" in done.stderr
