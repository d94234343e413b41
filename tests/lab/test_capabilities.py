"""shoald works with the capabilities that its unit of systemd leaves it."""

from __future__ import annotations

import re
from pathlib import Path

from shoal_lab.load import sequential
from shoal_lab.shell import ROOT
from shoal_lab.topology import VIP

UNIT = ROOT / "packaging/systemd/shoald.service"


def allowed() -> list[str]:
    line = re.search(r"^CapabilityBoundingSet=(.*)$", UNIT.read_text(), re.MULTILINE).group(1)
    return [word.removeprefix("CAP_").lower() for word in line.split()]


def test_a_director_serves_and_stops_with_the_capabilities_of_its_unit(bench):
    director = bench.director
    director.stop()
    director.prefix = ["setpriv", "--no-new-privs", "--bounding-set",
                       ",".join(["-all", *(f"+{name}" for name in allowed())])]
    director.start()
    director.wait_until_serving()
    status = Path(f"/proc/{director.process.pid}/status").read_text()
    assert bin(int(re.search(r"^CapEff:\s*(\w+)", status, re.MULTILINE).group(1), 16)).count("1") == len(allowed())
    assert {"web-1", "web-2", "web-3"} <= set(sequential(bench.client, VIP, 12))
    assert director.status()["problems"] == []
    director.stop()
