"""A program of the lab that runs in a node and does what it is told: one command a line, and a line
with the answer to each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .shell import Node, end


def obey(program: object) -> None:
    """The program's side: a command is a method's name and its arguments."""
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            answer = {"answer": getattr(program, command)(**arguments)}
        except Exception as error:  # told to whoever gave the command
            answer = {"error": f"{command} {arguments}: {error!r}"}
        print(json.dumps(answer), flush=True)


class Remote:
    """The side that gives the commands."""

    def __init__(self, node: Node, module: str, *words: str):
        self.node = node
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.process = node.start(sys.executable, "-m", module, *words, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def end(self) -> None:
        end(self.process)

    def do(self, command: str, **arguments: object):
        self.process.stdin.write(json.dumps([command, arguments]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"{self.node.name}: {answer['error']}")
        return answer["answer"]
