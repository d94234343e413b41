from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shoal_lab.configuration import Settings
from shoal_lab.director import Director, built
from shoal_lab.servers import start_web_servers
from shoal_lab.topology import Lab, remove_leftovers


@pytest.fixture(scope="session", autouse=True)
def clean_system():
    if not built():
        pytest.exit("build first: ./run build", returncode=2)
    remove_leftovers()


class Bench:
    """A lab with its real servers and a director that serves."""

    def __init__(self, lab: Lab, settings: Settings, servers):
        self.lab = lab
        self.client = lab.client
        self.webs = servers(lab)
        self.director = Director(lab, settings)

    def start(self) -> "Bench":
        self.director.start()
        self.director.wait_until_serving()
        return self


def making_benches():
    """make_bench(settings, method=..., xdp=..., servers=...): taken down at the test's end, with
    shoald's log shown where the test failed. `servers` starts what the real servers run."""
    benches: list[Bench] = []

    def make(settings: Settings | None = None, method: str = "nat", xdp: bool = False,
             servers=start_web_servers) -> Bench:
        settings = settings or Settings()
        if xdp:
            settings.hook = "xdp"
        lab = Lab(method, xdp=xdp)
        lab.up()
        try:
            benches.append(Bench(lab, settings, servers))
        except BaseException:
            lab.down()
            raise
        return benches[-1].start()

    yield make
    for bench in benches:
        print(f"shoald of {bench.lab.name}:\n{bench.director.tail(60)}")
        bench.lab.down()


make_bench = pytest.fixture(making_benches)
# For the tests of a module, or those of it that ask for the same.
make_shared_bench = pytest.fixture(making_benches, scope="module")


@pytest.fixture
def bench(make_bench):
    return make_bench()
