"""Runs every libFuzzer target: its corpus once, then so many seconds of new inputs.

Targets are the programs in build/fuzz/fuzz. The corpus of `NAME_fuzz` is fuzz/corpus/NAME;
with --grow what is found new is kept there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ROOT / "build/fuzz/fuzz"
CORPORA = ROOT / "fuzz/corpus"


def targets() -> list[Path]:
    return sorted(path for path in TARGETS.glob("*")
                  if path.is_file() and os.access(path, os.X_OK) and path.name.endswith("_fuzz"))


def fuzz(target: Path, seconds: int, grow: bool) -> str:
    """What went wrong, or nothing."""
    corpus = CORPORA / target.name.removesuffix("_fuzz")
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts = ROOT / "build/fuzz/found"
    artifacts.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        replay = run(target, artifacts, "-runs=0", corpus)
        if replay:
            return f"corpus: {replay}"
        folders = [corpus] if grow else [Path(scratch), corpus]
        return run(target, artifacts, f"-max_total_time={seconds}", *folders)


def run(target: Path, artifacts: Path, *words: object) -> str:
    command = [str(target), "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={artifacts}/{target.name}-", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    return "" if done.returncode == 0 else done.stderr[-4000:]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--grow", action="store_true", help="keep new inputs in the corpus")
    parser.add_argument("--junit", type=Path)
    options = parser.parse_args()
    suite = tree.Element("testsuite", name="fuzz")
    failed = 0
    for target in targets():
        print(f"{target.name}: {options.seconds} s", flush=True)
        problem = fuzz(target, options.seconds, options.grow)
        case = tree.SubElement(suite, "testcase", classname="fuzz", name=target.name)
        if problem:
            failed += 1
            print(problem)
            tree.SubElement(case, "failure").text = problem.encode("ascii", "replace").decode()
    if options.junit:
        tree.ElementTree(suite).write(options.junit)
    print(f"{len(targets()) - failed} passed, {failed} failed")
    return 1 if failed or not targets() else 0


if __name__ == "__main__":
    sys.exit(main())
