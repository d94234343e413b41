"""Prometheus' own parser reads what the real shoald says of itself."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from shoal_lab.load import sequential
from shoal_lab.shell import run, wait_for
from shoal_lab.topology import VIP, WEBS


def samples(bench) -> dict[tuple, float]:
    text = run("curl", "-sS", "--fail", "--unix-socket", bench.director.socket, "http://localhost/api/v1/metrics")
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge")
        assert family.name.startswith("shoal_")
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def values(found: dict[tuple, float], name: str) -> dict[str, float]:
    """By real server."""
    return {dict(labels)["real_server"]: value for (metric, labels), value in found.items() if metric == name}


def test_the_metrics_agree_with_what_happened(bench):
    assert sum(sequential(bench.client, VIP, 9).values()) == 9
    bench.director.shoal("drain", "web/web-3")
    found = samples(bench)
    assert values(found, "shoal_real_server_connections_total") == {name: 3 for name in WEBS}
    assert found[("shoal_connections_total", ())] == 9
    assert found[("shoal_virtual_server_connections_total", (("virtual_server", "web"),))] == 9
    assert values(found, "shoal_real_server_up") == {name: 1 for name in WEBS}
    assert values(found, "shoal_real_server_weight")["web-3"] == 0
    states = {dict(labels)["real_server"]: dict(labels)["state"] for (name, labels) in found
              if name == "shoal_real_server_state"}
    assert states == {"web-1": "enabled", "web-2": "enabled", "web-3": "draining"}
    bench.webs["web-2"].kill()
    wait_for("web-2 is down", lambda: values(samples(bench), "shoal_real_server_up")["web-2"] == 0, 20)
