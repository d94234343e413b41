"""The units of systemd, as systemd itself reads them."""

from __future__ import annotations

import re
import subprocess

import pytest

UNITS = ("shoald.service", "shoal-run.service", "shoal-run.socket")
ALLOWED = {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF", "CAP_PERFMON", "CAP_NET_BIND_SERVICE"}


@pytest.fixture
def units(root, tmp_path):
    """A copy in which the programs, which are not installed here, are /bin/true."""
    for name in UNITS:
        text = (root / "packaging/systemd" / name).read_text()
        (tmp_path / name).write_text(re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", text, flags=re.MULTILINE))
    return tmp_path


def analyze(*words, units) -> subprocess.CompletedProcess:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60,
                          env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin"})


def test_systemd_finds_no_fault_with_the_units(units):
    done = analyze("verify", "--man=no", "--recursive-errors=no", *(units / name for name in UNITS), units=units)
    own = [line for line in done.stderr.splitlines() if any(name in line for name in UNITS)]
    assert own == [] and done.returncode == 0, done.stderr


@pytest.mark.parametrize("unit, most", [("shoald.service", 35), ("shoal-run.service", 20)])
def test_the_units_are_closed_as_far_as_they_can_be(units, unit, most):
    """systemd's measure of what a service could reach, in tenths: 100 is everything."""
    done = analyze("security", "--offline=yes", f"--threshold={most}", "--no-pager", units / unit, units=units)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr


def test_shoald_has_the_capabilities_that_it_can_name_a_reason_for(root):
    text = (root / "packaging/systemd/shoald.service").read_text()
    given = re.findall(r"^CapabilityBoundingSet=(.*)$", text, re.MULTILINE)
    assert [set(line.split()) for line in given] == [ALLOWED]
    assert re.findall(r"^CapabilityBoundingSet=(.*)$", (root / "packaging/systemd/shoal-run.service").read_text(),
                      re.MULTILINE) == [""]
