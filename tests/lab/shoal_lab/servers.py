"""What runs on the real servers: Debian's nginx, and a UDP echo."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from .shell import Node, kill, wait_for
from .topology import Lab

UDP_PORT = 5300

NGINX = """
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    default_type text/plain;
    # A client must never see an end of a connection that the lab did not cause.
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    reset_timedout_connection on;
    client_header_timeout 3600s;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 80 backlog=8192;
        location / {{ return 200 "{name}"; }}
        location /bytes/ {{ alias {files}/; }}
    }}
}}
"""


class WebServer:
    """nginx on one node: `/` and `/whoami` answer its name, `/bytes/1k` and `/bytes/1m` so much."""

    def __init__(self, lab: Lab, node: Node):
        self.node = node
        self.directory = lab.directory / node.name
        files = lab.directory / "files"
        if not files.exists():
            files.mkdir()
            (files / "1k").write_bytes(b"x" * 1024)
            (files / "1m").write_bytes(b"x" * 1024 * 1024)
        self.directory.mkdir(exist_ok=True)
        # The workers run as www-data; the folders above are root's and readable.
        (self.directory / "nginx.conf").write_text(
            NGINX.format(directory=self.directory, name=node.name, files=files)
        )

    @property
    def pid_file(self) -> Path:
        return self.directory / "nginx.pid"

    def start(self) -> "WebServer":
        self.node.run("nginx", "-p", self.directory, "-c", self.directory / "nginx.conf")
        wait_for(f"nginx of {self.node.name}", lambda: self.pids(), 10)
        return self

    def pids(self) -> list[int]:
        """Master first."""
        try:
            master = int(self.pid_file.read_text())
            children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        except (OSError, ValueError):
            return []
        return [master, *(int(child) for child in children)]

    def kill(self) -> None:
        """As a crash does it: nothing is said to anybody but by the kernel."""
        pids = self.pids()
        for pid in pids:
            kill(pid, signal.SIGKILL)
        wait_for(f"nginx of {self.node.name} is gone",
                 lambda: not any(Path(f"/proc/{pid}").exists() and not zombie(pid) for pid in pids), 10)
        self.pid_file.unlink(missing_ok=True)


def zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def start_web_servers(lab: Lab) -> dict[str, WebServer]:
    return {node.name: WebServer(lab, node).start() for node in lab.webs}


def start_udp_servers(lab: Lab, address: str = "0.0.0.0", port: int = UDP_PORT) -> None:
    """They end with the lab. In direct routing they listen on the VIP, so that answers bear it."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for node in lab.webs:
        node.start(sys.executable, "-m", "shoal_lab.servers", node.name, address, str(port), env=environment)
        wait_for(f"UDP echo of {node.name}", lambda: f":{port}" in node.run("ss", "-Huln"), 10)


def echo(name: str, address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, port))
        while True:
            data, sender = server.recvfrom(65536)
            server.sendto(name.encode() + b" " + data, sender)


if __name__ == "__main__":
    echo(sys.argv[1], sys.argv[2], int(sys.argv[3]))
