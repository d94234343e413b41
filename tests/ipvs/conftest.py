"""One guest for the whole session: it runs every program, and each of their test cases becomes one
here, with the lines that the guest showed for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import guest

# Another seed than CI's: SHOAL_SEED=4711 ./run test ipvs
SEED = os.environ.get("SHOAL_SEED", "1")

# Loading the packet path costs seconds in an emulated machine, and most cases do so: of its own tests
# those that go through each part of it once.
PACKET_PATH_CASES = ":".join((
    "Verdicts.a_syn_opens_and_later_packets_follow",
    "Verdicts.xdp_transmits_where_the_packet_came_in",
    "*checksums_hold_for_random_packets*",
    "*Replies.come_from_the_virtual_server_to_the_neighbour_on_the_way*",
    "*TcpStates*",
    "Schedulers.lblcr*",
    "Schedulers.twos_takes*",
    "Twos.*every_pair*",
    "*Ipv6.tcp_goes_to_the_real_servers_address_and_port*",
    "Verifier.*",
))

PROGRAMS = [
    guest.Program(guest.BUILD / "tests/ipvs/ipvs_comparison", [f"--gtest_random_seed={SEED}"], network=True),
    guest.Program(guest.BUILD / "src/dataplane/bpf/testing/packet_path_test", [f"--gtest_filter={PACKET_PATH_CASES}"]),
]
TIMEOUT_SECONDS = 1500


@dataclass
class Case:
    passed: bool = False
    lines: list[str] = field(default_factory=list)


def list_cases(program: guest.Program) -> list[str]:
    """GoogleTest's names, `Suite.case`, of what the program would run."""
    listed = subprocess.run([program.path, *program.arguments, "--gtest_list_tests"], capture_output=True, text=True,
                            check=True).stdout
    names, suite = [], ""
    for line in listed.splitlines():
        if line.startswith("  "):
            names.append(suite + line.split("#")[0].strip())
        elif re.match(r"^[\w/]+\.", line):
            suite = line.split("#")[0].strip()
    return names


def parse_console(lines: list[str]) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    running = Case()
    for line in lines:
        if match := re.match(r"\[ RUN      \] (\S+)", line):
            running = cases[match[1]] = Case()
        running.lines.append(line)
        if line.startswith("[       OK ] "):
            running.passed = True
    return cases


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", [case for program in PROGRAMS for case in list_cases(program)])


@pytest.fixture(scope="session")
def console() -> list[str]:
    """Everything that the guest showed; also kept in build/guest/console."""
    programs = [replace(each, arguments=[*each.arguments, "--gtest_color=no"]) for each in PROGRAMS]
    lines = guest.boot(programs, TIMEOUT_SECONDS)
    (guest.CACHE / "console").write_text("\n".join(lines) + "\n")
    return lines


@pytest.fixture(scope="session")
def results(console) -> dict[str, Case]:
    return parse_console(console)
