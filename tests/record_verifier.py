#!/usr/bin/python3
"""record_verifier.py BUILD: records what the running kernel's verifier takes for each program.
record_verifier.py - : the same from a test's output on another machine (standard input).

Lines of other kernels stay as they are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "src/dataplane/bpf/verified_instructions.inc"
TEST = "src/dataplane/bpf/testing/packet_path_test"


def main() -> None:
    if sys.argv[1] == "-":
        text = sys.stdin.read()
    else:
        # It fails where a program has grown: that is what is recorded.
        text = subprocess.run([Path(sys.argv[1]) / TEST, "--gtest_filter=Verifier.*"],
                              capture_output=True, text=True).stdout
    new = re.findall(r"^verified (\S+) (\S+) (\d+)", text, re.MULTILINE)
    if not new:
        sys.exit("record_verifier.py: the test said nothing:\n" + text)
    kernels = {kernel for kernel, _, _ in new}
    old = re.findall(r'\{"(.+)", "(.+)", (\d+)\},', FILE.read_text())
    lines = sorted([line for line in old if line[0] not in kernels] + new)
    FILE.write_text("".join('{"%s", "%s", %s},\n' % line for line in lines))
    print(FILE.read_text(), end="")


main()
