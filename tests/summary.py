"""The sum over every runner's JUnit file: one last line `N passed, N failed`.

Exit code 0 only if something ran, nothing failed, and every runner that was asked for left its
results and ended well.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as tree
from pathlib import Path


def count(file: Path) -> tuple[int, list[str]]:
    """How many passed, and the names of those that did not: a test that did not run counts there."""
    passed, failed = 0, []
    for case in tree.parse(file).getroot().iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if bad or case.get("status", "run") not in ("run", "passed"):
            failed.append(f"{case.get('classname', '')}.{case.get('name', '')}")
        else:
            passed += 1
    return passed, failed


def main(directory: Path, kinds: list[str]) -> int:
    passed, failed = 0, []
    ended_badly = (directory / "failed").read_text().split("\n") if (directory / "failed").exists() else []
    for kind in kinds:
        file = directory / f"{kind}.xml"
        good, bad = count(file) if file.exists() else (0, [f"{kind}: no results"])
        if not bad and good == 0:
            bad = [f"{kind}: ran nothing"]
        if not bad and any(line.startswith(f"{kind}:") for line in ended_badly):
            bad = [f"{kind}: the runner failed"]
        print(f"{kind}: {good} passed, {len(bad)} failed")
        passed, failed = passed + good, failed + bad
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
