"""`./run demo`: a director at work, live in the terminal; with --once, as a check without one."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import threading
import time

from .configuration import Service, Settings
from .director import Director
from .load import LoadProcess, sequential
from .screen import Screen
from .servers import start_web_servers
from .topology import VIP, WEBS, Lab, remove_leftovers
from .wrk import Wrk

SERVICE_TIMEOUT = 3.0
REENTRY_TIME = 5.0
INTERVAL = 0.5
CHECK_TIMEOUT = 0.4
# For what this machine's load adds to the times of a check.
MARGIN = 1.0


def settings(scheduler: str = "wlc", weights: dict[str, int] | None = None) -> Settings:
    return Settings(services=[Service(
        scheduler=scheduler, weights=weights or {name: 1 for name in WEBS},
        service_timeout=f"{SERVICE_TIMEOUT:g}s", reentry_time=f"{REENTRY_TIME:g}s",
        monitor={"send": "GET / HTTP/1.0\\r\\n\\r\\n", "expect": "HTTP", "interval": f"{INTERVAL * 1000:g}ms",
                 "timeout": f"{CHECK_TIMEOUT * 1000:g}ms"})])


class Story:
    """What the demo does to its servers. `say` tells a reader what happened."""

    def __init__(self, lab: Lab, say):
        self.lab = lab
        self.say = say
        self.webs = start_web_servers(lab)
        self.director = Director(lab, settings())
        self.director.start()
        self.director.wait_until_serving()

    def load(self, pause: float, seconds: float) -> LoadProcess:
        return LoadProcess(self.lab.client, VIP, new=3, keep_alive=3, pause=pause, seconds=seconds)

    def distribution(self, scheduler: str, weights: dict[str, int], connections: int) -> bool:
        """True if each server got its share of connections made one after the other, within one."""
        self.director.apply(settings(scheduler, weights))
        served = sequential(self.lab.client, VIP, connections)
        total = sum(weights.values())
        held = all(abs(served.get(name, 0) - connections * weight / total) <= 1 for name, weight in weights.items())
        shares = ", ".join(f"{name} {served.get(name, 0)}" for name in weights)
        self.say(f"{connections} connections by {scheduler}, weights {tuple(weights.values())}: {shares}")
        return held

    def take_away(self, name: str) -> dict:
        """Kills a real server's nginx and waits until the director has taken it out."""
        killed, killed_wall = time.monotonic(), time.time()
        self.webs[name].kill()
        self.say(f"{name}: nginx killed")
        server = self.director.wait_for_pool(name, False, SERVICE_TIMEOUT + INTERVAL + 10)
        noticed = round(server["since_ms"] - killed_wall * 1000)
        self.say(f"{name} is out after {noticed} ms: {server['reason']}")
        return {"killed": killed, "removed": server["seen"], "ms": noticed}

    def bring_back(self, name: str) -> int:
        started = time.time()
        self.webs[name].start()
        self.say(f"{name}: nginx started")
        server = self.director.wait_for_pool(name, True, REENTRY_TIME + INTERVAL + 10)
        noticed = round(server["since_ms"] - started * 1000)
        self.say(f"{name} is back after {noticed} ms")
        return noticed

    def kill_director(self) -> None:
        self.director.kill()
        self.say("shoald killed (kill -9); its addresses and the data plane go on")

    def restart_director(self) -> None:
        self.director.start()
        self.say("shoald started again" + (" and took over what runs" if self.director.status()["adopted"] else ""))


def once() -> int:
    """One pass; the last line is its result in JSON."""
    problems: list[str] = []

    def expect(held: bool, what: str) -> None:
        if not held:
            problems.append(what)
            print(f"NOT HELD: {what}", flush=True)

    def say(text: str) -> None:
        print(f"{time.monotonic() - begin:5.1f} s  {text}", flush=True)

    begin = time.monotonic()
    with Lab(name=f"demo-{os.getpid()}") as lab:
        story = Story(lab, say)
        say("director and three web servers run")
        expect(story.distribution("rr", {"web-1": 1, "web-2": 1, "web-3": 1}, 100), "distribution of rr")
        expect(story.distribution("wrr", {"web-1": 3, "web-2": 2, "web-3": 1}, 100), "distribution of wrr")
        story.director.apply(settings())
        failure = failing_server(story, expect)
        restart = restarts(story, expect)
        story.director.stop()
        say("director stopped: nothing of it is left")
    result = {
        "requests": failure["requests"] + restart["requests"],
        "failed_after_removal": failure["failed_after_removal"],
        "servers": {name: failure["servers"].get(name, 0) + restart["servers"].get(name, 0) for name in WEBS},
        "detected_down_ms": failure["down_ms"],
        "detected_up_ms": failure["up_ms"],
        "restart_failed_requests": restart["failed"],
    }
    expect(all(result["servers"].values()), "every server answered")
    print(json.dumps(result), flush=True)
    return 1 if problems else 0


def failing_server(story: Story, expect) -> dict:
    load = story.load(pause=0.004, seconds=50)
    load.wait_for_requests(200)
    down = story.take_away("web-2")
    load.wait_for_requests(load.now["requests"] + 300)
    up_ms = story.bring_back("web-2")
    load.wait_for_requests(load.now["requests"] + 300)
    result = load.stop()
    before = [failure for failure in result["failures"] if failure["end"] < down["killed"]]
    after = [failure for failure in result["failures"] if failure["start"] > down["removed"]]
    story.say(f"{result['requests']} requests; {result['failed']} failed while web-2 was dead and not yet out, "
              f"{len(after)} after")
    expect(not before, "no request fails before the server is killed")
    expect(not after, f"no request fails after the removal: {after[:3]}")
    expect(down["ms"] <= (SERVICE_TIMEOUT + INTERVAL + CHECK_TIMEOUT) * 1000,
           f"out within the service timeout and one check ({down['ms']} ms)")
    expect(REENTRY_TIME * 1000 - 100 <= up_ms <= (REENTRY_TIME + INTERVAL + MARGIN) * 1000,
           f"back after the re-entry time ({up_ms} ms)")
    return {**result, "failed_after_removal": len(after), "down_ms": down["ms"], "up_ms": up_ms}


def restarts(story: Story, expect) -> dict:
    """kill -9 and restart, again and again, under wrk and a client that accounts for each request."""
    load = story.load(pause=0.001, seconds=40)
    load.wait_for_requests(100)
    wrks = [Wrk(story.lab.client, VIP, 5, 8, new_connections) for new_connections in (True, False)]
    kills = 0
    while kills < 3 or any(wrk.running() for wrk in wrks):
        before = load.now["requests"]
        story.director.kill()
        load.wait_for_requests(before + 100)
        story.director.start()
        kills += 1
    result = load.stop()
    reports = [wrk.report() for wrk in wrks]
    requests = result["requests"] + sum(report.requests for report in reports)
    failed = result["failed"] + sum(report.errors for report in reports)
    story.say(f"shoald killed (kill -9) and started again {kills} times under {requests} requests: {failed} failed, "
              f"{result['broken']} connections broken")
    expect(story.director.status()["adopted"], "the restarted shoald took over the running data plane")
    expect(failed == 0 and result["broken"] == 0, f"kill -9 disturbs nobody: {result['failures'][:3]}")
    return {**result, "requests": requests, "failed": failed}


def live() -> int:
    """Until Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Lab(name=f"demo-{os.getpid()}") as lab:
        print("starting three web servers and a director ...", flush=True)
        screen = Screen()
        story = Story(lab, screen.say)
        load = story.load(pause=0.01, seconds=24 * 3600)
        acts = threading.Thread(target=endless, args=(story, stop, screen), daemon=True)
        acts.start()
        try:
            screen.enter()
            while not stop.is_set():
                screen.draw(story.director, load.now)
                stop.wait(0.5)
        finally:
            screen.leave()
        print("stopping the director and taking the lab down ...", flush=True)
        result = load.stop()
        acts.join(20)
        if story.director.process.poll() is None:
            story.director.stop()
    print(f"{result['requests']} requests, {result['failed']} failed (while a server was dead and not yet out). "
          "Nothing is left behind.")
    return 0


def endless(story: Story, stop: threading.Event, screen: Screen) -> None:
    for name in itertools.cycle(["web-2", "web-3", "web-1"]):
        for act in (lambda: story.take_away(name), lambda: story.bring_back(name), story.kill_director,
                    story.restart_director):
            if stop.wait(5):
                return
            try:
                act()
            except Exception as error:  # shown to the reader; the demo goes on
                screen.say(f"unexpected: {error}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run demo")
    parser.add_argument("--once", action="store_true", help="one pass without a terminal; exit code 0 if all held")
    options = parser.parse_args()
    remove_leftovers()
    if options.once or not sys.stdout.isatty():
        return once()
    return live()


if __name__ == "__main__":
    sys.exit(main())
