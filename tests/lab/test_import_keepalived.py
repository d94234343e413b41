"""The files of keepalived that the importer is tested with are such that keepalived itself takes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from shoal_lab.topology import Lab

HERE = Path(__file__).parent / "keepalived"


@pytest.fixture(scope="module")
def lab():
    with Lab() as lab:
        yield lab


@pytest.mark.parametrize("name", ["web", "checks", "groups"])
def test_keepalived_takes_our_files(lab, name):
    done = subprocess.run(lab.director.command("keepalived", "-t", "-f", HERE / f"{name}.conf"), capture_output=True,
                          text=True, timeout=60, start_new_session=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line and "SECURITY VIOLATION" not in line]
    # 6: only that scripts would run as root.
    assert not said and done.returncode in (0, 6), said
