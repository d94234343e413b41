"""What an administrator sees of single packets: `shoal trace`, `shoal explain`, `shoal stats --drops`."""

from __future__ import annotations

import json
import select
import subprocess

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.shell import wait_for
from shoal_lab.topology import CLIENT, VIP


def start_trace(bench, *words: str) -> subprocess.Popen:
    """Returns once it shows packets: the client asks until the trace says the first line."""
    return subprocess.Popen(bench.director.command("trace", "--json", *words), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def curl(bench) -> subprocess.CompletedProcess:
    return bench.client.start("curl", "-s", "-m", "5", f"http://{VIP}/whoami", stdout=subprocess.PIPE, text=True)


def answer(bench) -> str:
    asked = curl(bench)
    return asked.communicate(timeout=20)[0].strip()


def traced(bench, *words: str) -> list[dict]:
    """The packets of a trace, during which the client asks until one is shown."""
    trace = start_trace(bench, "--seconds", "20", *words)
    try:
        while trace.poll() is None:
            answer(bench)
        assert trace.returncode == 0, trace.stderr.read()
        lines = [json.loads(line) for line in trace.stdout]
    finally:
        trace.kill()
        trace.wait()
    assert "end" in lines[-1]
    return [line for line in lines if "verdict" in line]


@pytest.mark.parametrize("xdp", [False, True])
def test_a_trace_shows_a_new_connection_with_its_real_server(make_bench, xdp):
    bench = make_bench(Settings(services=[Service(scheduler="rr")]), xdp=xdp)
    shown = traced(bench, "--client", CLIENT, "--virtual", f"{VIP}:80", "--verdict", "new_connection", "--count", "2")
    assert len(shown) == 2
    webs = {bench.lab.web_address(name) for name in bench.webs}
    for event in shown:
        assert event["hook"] == ("xdp" if xdp else "tc")
        assert event["tcp_flags"] == "SYN" and event["destination"] == f"{VIP}:80"
        assert event["source"].startswith(f"{CLIENT}:") and event["virtual_server"] == f"tcp {VIP}:80"
        assert event["real_server"].split(":")[0] in webs
        assert event["sent_destination"] == event["real_server"]
    assert shown[0]["real_server"] != shown[1]["real_server"]


def test_a_trace_is_one_at_a_time_and_ends_with_its_reader(bench):
    first = start_trace(bench)

    def shows() -> bool:
        answer(bench)  # before the trace began it shows nothing of it
        return bool(select.select([first.stdout], [], [], 0)[0])
    wait_for("the first trace shows packets", shows, 60)
    assert first.poll() is None
    second = start_trace(bench)
    assert second.wait(60) != 0 and "somebody else" in second.stdout.read()
    first.kill()
    first.wait()
    # Nobody reads it any more, and so it ends.
    def another() -> bool:
        third = start_trace(bench, "--seconds", "1")
        return third.wait(60) == 0
    wait_for("the trace of a dead reader has ended", another, 60)


def test_drops_name_what_happened_to_a_denied_client(make_bench):
    bench = make_bench(Settings(services=[Service(options={"deny": [f"{CLIENT}/32"]})]))
    asked = bench.client.start("curl", "-s", "-m", "2", f"http://{VIP}/", stdout=subprocess.PIPE, text=True)
    bench.director.wait_for_verdict("denied")
    asked.wait(20)
    drops = {drop["name"]: drop for drop in json.loads(bench.director.shoal("stats", "--drops", "--json"))["drops"]}
    assert drops["denied"]["packets"] > 0 and "forwarded" not in drops
    table = bench.director.shoal("stats", "--drops")
    assert "denied" in table and "access lists" in table
    explained = json.loads(bench.director.shoal("explain", "--json", CLIENT, f"{VIP}:80"))
    assert explained["verdict"] == "denied" and explained["real_server"] == ""
    assert any(f"{CLIENT}/32" in step["finding"] for step in explained["steps"])


@pytest.mark.parametrize("scheduler", ["rr", "wlc", "sh"])
def test_explain_says_who_then_answers(make_bench, scheduler):
    bench = make_bench(Settings(services=[Service(scheduler=scheduler)]))
    names = {bench.lab.web_address(name): name for name in bench.webs}
    for _ in range(4):
        explained = json.loads(bench.director.shoal("explain", "--json", CLIENT, f"{VIP}:80"))
        assert explained["verdict"] == "new_connection"
        assert answer(bench) == names[explained["real_server"].split(":")[0]]
    words = bench.director.shoal("explain", CLIENT, f"{VIP}:80")
    for word in (scheduler, "chosen", "next hop", "lan0", "new_connection", f"tcp {VIP}:80"):
        assert word in words, words
    assert json.loads(bench.director.shoal("explain", "--json", CLIENT, f"{VIP}:81"))["verdict"] == "no_service"
    assert json.loads(bench.director.shoal("explain", "--json", CLIENT, "203.0.113.9:80"))["verdict"] == "foreign"
