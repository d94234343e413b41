"""XDP, where it serves and where it must not; and the change from one hook to the other."""

from __future__ import annotations

import pytest

from shoal_lab.configuration import Service, Settings
from shoal_lab.load import sequential
from shoal_lab.shell import wait_for
from shoal_lab.topology import VIP
from shoal_lab.wrk import Wrk


def hooks(bench) -> dict[str, str]:
    return {hook["device"]: hook["hook"] for hook in bench.director.status()["hooks"]}


def sent(bench) -> int:
    verdicts = bench.director.verdicts()
    return verdicts["forwarded"] + verdicts["replied"] + verdicts["new_connection"]


def traffic(bench, passes: int) -> tuple[int, int]:
    """Packets sent on meanwhile, and those that XDP left to tc."""
    before, left = sent(bench), bench.director.verdicts()["passed_up"]
    assert sum(sequential(bench.client, VIP, passes).values()) == passes
    return sent(bench) - before, bench.director.verdicts()["passed_up"] - left


def test_packets_for_a_device_that_takes_none_from_xdp_go_by_tc(make_bench):
    """A veth takes frames only where its peer polls."""
    bench = make_bench(Settings(services=[Service(scheduler="rr")]), xdp=True)
    assert set(hooks(bench).values()) == {"xdp"}

    def some_left_to_tc(all_of_them: bool) -> bool:
        forwarded, left = traffic(bench, 6)
        return (left > forwarded // 3) == all_of_them

    wait_for("XDP does the work", lambda: some_left_to_tc(False), 15)
    bench.client.run("ethtool", "-K", "eth0", "gro", "off")
    wait_for("replies go by tc", lambda: some_left_to_tc(True), 15)
    bench.client.run("ethtool", "-K", "eth0", "gro", "on")
    wait_for("XDP does the work again", lambda: some_left_to_tc(False), 15)


@pytest.mark.parametrize("method", ["nat", "direct"])
def test_no_request_fails_while_the_hook_changes(make_bench, method):
    def settings(hook: str) -> Settings:
        return Settings(hook=hook, table_size=1 << 19, services=[Service(scheduler="rr")])

    bench = make_bench(settings("tc"), method=method, xdp=True)
    wrk = Wrk(bench.client, VIP, seconds=120, connections=16, new_connections=True)
    wait_for("wrk is at work", lambda: sent(bench) > 100, 20)
    for hook in ("xdp", "tc") * 5:
        bench.director.apply(settings(hook))
        wait_for(f"the hook is {hook}", lambda: set(hooks(bench).values()) == {hook}, 10)
        seen = sent(bench)
        wait_for("it goes on", lambda: sent(bench) > seen + 300, 20)
    report = wrk.stop()
    assert report.errors == 0 and report.requests > 300, report
