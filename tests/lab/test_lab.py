"""The lab itself, and the demo that a newcomer runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from shoal_lab.servers import start_web_servers
from shoal_lab.shell import run, wait_for
from shoal_lab.topology import STATE, Lab, remove_leftovers

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}

MAKES_A_LAB_AND_WAITS = """
import sys, time
from shoal_lab.servers import start_web_servers
from shoal_lab.topology import Lab
lab = Lab(name=sys.argv[1])
lab.up()
start_web_servers(lab)
print("up", flush=True)
time.sleep(600)
"""


def test_what_a_killed_owner_left_is_removed():
    name = f"killed-{os.getpid()}"
    owner = subprocess.Popen([sys.executable, "-c", MAKES_A_LAB_AND_WAITS, name], stdout=subprocess.PIPE, text=True,
                             env=ENVIRONMENT)
    assert owner.stdout.readline() == "up\n"
    pids = [pid for node in Lab(name=name).nodes for pid in node.pids()]
    assert len(pids) == 6  # a master and a worker of each nginx
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert name in remove_leftovers()
    assert f"shoal-{name}-" not in run("ip", "netns", "list")
    assert not (STATE / name).exists()
    wait_for("its processes are gone", lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), 5)


def test_two_labs_stand_side_by_side():
    with Lab() as one, Lab("direct") as other:
        for lab in (one, other):
            start_web_servers(lab)
            address = lab.web_address("web-1")
            assert lab.director.run("curl", "-sS", "--max-time", "5", f"http://{address}/whoami") == "web-1"


def test_the_demo_holds_what_it_promises():
    done = subprocess.run([sys.executable, "-m", "shoal_lab.demo", "--once"], capture_output=True, text=True,
                          timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result) == ["requests", "failed_after_removal", "servers", "detected_down_ms", "detected_up_ms",
                            "restart_failed_requests"]
    assert result["failed_after_removal"] == 0 and result["restart_failed_requests"] == 0
    assert sorted(result["servers"]) == ["web-1", "web-2", "web-3"]
