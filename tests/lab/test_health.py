"""Servers that fall silent, refuse, and come back."""

from __future__ import annotations

import signal
import time

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import LoadProcess, sequential
from shoal_lab.shell import kill
from shoal_lab.topology import VIP

# As in Service: the timeout, one check's interval, its time-out and the repetition after 200 ms.
SERVICE_TIMEOUT = 3.0
CHECK = 0.5 + 0.4
REFUSED_BOUND = 0.5 + 0.2 + 0.4
REENTRY_TIME = 5.0
MARGIN = 0.5


def test_a_killed_server_is_out_after_two_refusals_and_back_after_its_reentry_time(bench):
    load = LoadProcess(bench.client, VIP, new=2, keep_alive=2, pause=0.01, seconds=60)
    load.wait_for_requests(100)
    killed = time.monotonic()
    bench.webs["web-2"].kill()
    out = bench.director.wait_for_pool("web-2", False, SERVICE_TIMEOUT + CHECK + MARGIN)
    assert out["seen"] - killed <= REFUSED_BOUND + MARGIN
    assert out["health"] == "down" and out["reason"]
    started = time.monotonic()
    bench.webs["web-2"].start()
    back = bench.director.wait_for_pool("web-2", True, REENTRY_TIME + CHECK + 2)
    assert REENTRY_TIME - 0.1 <= back["seen"] - started <= REENTRY_TIME + CHECK + MARGIN
    load.wait_for_requests(load.now["requests"] + 100)
    result = load.stop()
    outside = [failure for failure in result["failures"] if not killed - 0.1 <= failure["start"] <= out["seen"]]
    assert outside == []


def test_a_silent_server_is_out_after_its_service_timeout(bench):
    """Stopped processes: the kernel still takes connections, nobody answers."""
    pids = bench.webs["web-1"].pids()
    stopped = time.monotonic()
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    out = bench.director.wait_for_pool("web-1", False, SERVICE_TIMEOUT + CHECK + MARGIN)
    assert out["seen"] - stopped >= SERVICE_TIMEOUT - CHECK
    assert "web-1" not in sequential(bench.client, VIP, 6)
    for pid in pids:
        kill(pid, signal.SIGCONT)
    bench.director.wait_for_pool("web-1", True, REENTRY_TIME + CHECK + 2)


def test_a_wrong_answer_takes_a_server_out(make_bench):
    picky = Service(monitor={"send": "GET / HTTP/1.0\\r\\n\\r\\n", "expect": "HTTP/1.1 418", "interval": "300ms",
                             "timeout": "200ms"})
    bench = make_bench(Settings())
    bench.director.apply(Settings(services=[picky]))
    for name in ("web-1", "web-2", "web-3"):
        assert bench.director.wait_for_pool(name, False, 5)["health"] == "down"


def test_with_every_server_out_new_connections_find_nobody(bench):
    for web in bench.webs.values():
        web.kill()
    for name in bench.webs:
        bench.director.wait_for_pool(name, False, 5)
    answer = bench.client.run("curl", "-sS", "--max-time", "2", f"http://{VIP}/", check=False)
    assert answer == ""
    assert bench.director.verdicts()["no_server"] > 0
