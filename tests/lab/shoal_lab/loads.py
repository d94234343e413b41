"""Where real servers tell their loads: rstatd and rwhod of Debian, and a small server of what a test says.

    python3 -m shoal_lab.loads FILE AGENT_PORT HTTP_PORT

answers at the first port with what the file holds, as an agent of HAProxy does, and at the second one by HTTP.
"""

from __future__ import annotations

import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .shell import Node, end, kill, wait_for
from .topology import Lab

AGENT_PORT, HTTP_PORT = 8079, 8078

# The daemons find each other by files, and know the machine by its name: both belong to one node here.
OWN_NAME_AND_FILES = """
set -e
hostname "$1"
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool/rwho
shift
exec "$@"
"""
RSTATD = """
rpcbind -f &
until [ -S /run/rpcbind.sock ]; do sleep 0.05; done
rpc.rstatd
wait
"""


def serve(file: Path, agent_port: int, http_port: int) -> None:
    class Agent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(file.read_bytes())

    class Http(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    socketserver.ThreadingTCPServer.allow_reuse_address = True
    agent = socketserver.ThreadingTCPServer(("", agent_port), Agent)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", http_port), Http).serve_forever()


class LoadServer:
    """On a real server: says at both ports what say() was given last."""

    def __init__(self, lab: Lab, node: Node, text: str):
        self.file = lab.directory / f"{node.name}.load"
        self.say(text)
        self.process = node.start(sys.executable, "-m", "shoal_lab.loads", self.file, AGENT_PORT, HTTP_PORT,
                                  env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]),
                                       "PYTHONDONTWRITEBYTECODE": "1"})
        wait_for(f"loads of {node.name}", lambda: str(HTTP_PORT) in node.run("ss", "-Hltn", f"sport = {HTTP_PORT}"), 60)

    def say(self, text: str) -> None:
        """At once and whole: a reader sees the old text or the new one."""
        next_file = self.file.with_suffix(".next")
        next_file.write_text(text)
        next_file.replace(self.file)

    def stop(self) -> None:
        end(self.process)


def start_daemon(node: Node, *words: str):
    return node.start("unshare", "--mount", "--uts", "sh", "-c", OWN_NAME_AND_FILES, "sh", node.name, *words)


def pids_of(node: Node, program: str) -> list[int]:
    def name(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return ""
    return [pid for pid in node.pids() if name(pid) == program]


def start_rstatd(node: Node) -> None:
    start_daemon(node, "sh", "-c", RSTATD)
    wait_for(f"rstatd of {node.name}", lambda: pids_of(node, "rpc.rstatd"), 60)


def start_rwhod(node: Node) -> None:
    """It sends at once, and then every three minutes."""
    start_daemon(node, "rwhod", "-b")
    wait_for(f"rwhod of {node.name}", lambda: pids_of(node, "rwhod"), 60)


def stop_daemon(node: Node, program: str) -> None:
    for pid in pids_of(node, program):
        kill(pid, signal.SIGKILL)
    wait_for(f"{program} of {node.name} is gone", lambda: not pids_of(node, program), 30)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
