"""How counters went, and what happened, as the real shoald keeps them."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from shoal_lab.shell import end, wait_for
from shoal_lab.topology import VIP, WEBS

SIZE = 1024 * 1024


def history(bench, *words: str) -> dict:
    return json.loads(bench.director.shoal("history", *words, "--json"))


def total(bench, column: str, *words: str) -> int:
    return sum(value or 0 for value in history(bench, *words)["columns"][column])


def web(bench) -> dict:
    service = bench.director.status()["virtual_servers"][0]
    return {**service, "active_connections": sum(each["active_connections"] for each in service["real_servers"])}


def counted(bench) -> dict:
    return web(bench)["counters"]


def wait_until_counted(bench) -> None:
    """The ring has seen every server, so that from now on nothing is missed."""
    def all_seen() -> bool:
        return all(any(history(bench, f"web/{name}")["columns"]["seconds"]) for name in WEBS)
    wait_for("the rings have begun", all_seen, 30)


def test_what_a_transfer_moved_stands_in_the_rings(bench):
    wait_until_counted(bench)
    assert counted(bench)["connections"] == 0
    for _ in range(6):
        bench.client.run("curl", "-sS", "-o", "/dev/null", f"http://{VIP}/bytes/1m")
    wait_for("the connections have ended", lambda: web(bench)["active_connections"] == 0, 20)
    now = counted(bench)
    assert now["connections"] == 6 and now["bytes_out"] > 6 * SIZE
    for column in ("connections", "packets_in", "packets_out", "bytes_in", "bytes_out"):
        for words in (["--last", "1h"], ["web", "--last", "1h"], ["web", "--last", "1d"]):
            wait_for(f"{column} of {words}", lambda: total(bench, column, *words) == now[column], 30)
        # A second in which shoald had no time is a gap.
        assert total(bench, column, "web") <= now[column]
    assert sum(total(bench, "bytes_out", f"web/{name}", "--last", "1h") for name in WEBS) == now["bytes_out"]
    shown = bench.director.shoal("history", "web", "--last", "1h")
    assert any(line.split()[:1] == ["Conns/s"] and "6" in line.split() for line in shown.splitlines())


def test_while_shoald_is_dead_there_is_no_spike(bench):
    wait_until_counted(bench)
    bench.director.kill()
    bench.client.run("curl", "-sS", "-o", "/dev/null", f"http://{VIP}/bytes/1m")
    bench.director.start()
    wait_until_counted(bench)
    bench.client.run("curl", "-sS", "-o", "/dev/null", f"http://{VIP}/whoami")
    wait_for("it counts", lambda: total(bench, "connections", "--last", "1h") == 1, 30)
    assert 0 < total(bench, "bytes_out", "--last", "1h") < SIZE


def test_names_that_nobody_has_are_refused(bench):
    for words, said in ((["mail"], "no virtual server mail"), (["web/web-9"], "no real server web-9"),
                        (["web", "--last", "8d"], "7d")):
        done = subprocess.run(bench.director.command("history", *words), capture_output=True, text=True)
        assert done.returncode != 0 and said in done.stderr


class Follower:
    """`shoal events --follow --json`, whose lines go to a file."""

    def __init__(self, bench):
        self.bench = bench
        self.file = bench.lab.directory / "followed"
        self.process: subprocess.Popen | None = None

    def start(self, *words: str) -> None:
        with self.file.open("a") as out:
            self.process = subprocess.Popen(
                self.bench.director.command("events", "--follow", "--json", *words), stdout=out,
                start_new_session=True)

    def end(self) -> None:
        end(self.process, signal.SIGKILL)

    def lines(self) -> list[dict]:
        if not self.file.exists():
            return []
        whole = self.file.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def events(self) -> list[dict]:
        return [line for line in self.lines() if "id" in line]

    def losses(self) -> list[dict]:
        return [line for line in self.lines() if "missed" in line]

    def wait_for(self, what: str, count: int) -> None:
        wait_for(f"{count} times {what}", lambda: self.told().count(what) >= count, 40)

    def told(self) -> list[str]:
        return [f"{event['event']} {event['real_server']}".strip() for event in self.events()]


@pytest.fixture
def follower(bench):
    made = Follower(bench)
    made.start()
    yield made
    made.end()


def place(event: dict) -> tuple[int, int]:
    epoch, _, number = event["id"].partition("-")
    return int(epoch), int(number)


def test_a_stream_that_is_cut_and_resumed_misses_nothing(bench, follower):
    follower.wait_for("director-started", 1)
    for failures in range(1, 4):
        bench.webs["web-2"].kill()
        follower.wait_for("real-server-down web-2", failures)
        follower.end()
        # What happens while nobody reads along:
        last = follower.events()[-1]["id"]
        bench.webs["web-2"].start()
        bench.director.wait_for_pool("web-2", True, 30)
        bench.director.shoal("drain", "web/web-3")
        bench.director.shoal("enable", "web/web-3")
        follower.start("--after", last)
        # At the beginning each of the three came up once.
        follower.wait_for("real-server-up web-2", 1 + failures)
        follower.wait_for("state-changed web-3", 2 * failures)
    places = [place(event) for event in follower.events()]
    epoch = places[0][0]
    assert places == [(epoch, number) for number in range(1, len(places) + 1)]
    assert follower.losses() == []


def test_across_kill_9_ids_grow_and_what_is_lost_is_said(bench, follower):
    follower.wait_for("director-started", 1)
    for restarts in range(1, 4):
        bench.director.kill()
        bench.director.start()
        # The same command goes on by itself.
        follower.wait_for("director-started", 1 + restarts)
        bench.director.wait_until_serving(30)
        bench.webs["web-1"].kill()
        follower.wait_for("real-server-down web-1", restarts)
        bench.webs["web-1"].start()
        bench.director.wait_for_pool("web-1", True, 30)
    places = [place(event) for event in follower.events()]
    assert places == sorted(set(places))
    assert len({epoch for epoch, _ in places}) == 4
    losses = follower.losses()
    assert len(losses) == 3
    assert all(loss["missed"] is None and "started again" in loss["why"] for loss in losses)
    last_of_each = [max(each for each in places if each[0] == epoch) for epoch in sorted({each[0] for each in places})]
    assert [place({"id": loss["after"]}) for loss in losses] == last_of_each[:-1]


def test_the_list_has_what_happened(bench):
    bench.director.shoal("drain", "web/web-1")
    listed = json.loads(bench.director.shoal("events", "--json", "--virtual", "web"))
    assert listed["lost"] is None
    assert listed["events"][-1]["event"] == "state-changed" and listed["events"][-1]["real_server"] == "web-1"
    only = bench.director.shoal("events", "--kind", "director-started")
    assert len(only.splitlines()) == 1 and "runs" in only
