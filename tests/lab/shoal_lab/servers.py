"""What runs on the real servers: Debian's nginx, and a UDP echo."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from .shell import Node, kill, run, wait_for
from .topology import VIP, Lab

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
        listen [::]:80 backlog=8192;
        listen 8000-8019 backlog=8192;
        {https}
        ssl_certificate {files}/certificate.pem;
        ssl_certificate_key {files}/key.pem;
        location / {{ return 200 "{name}"; }}
        location /bytes/ {{ alias {files}/; }}
        location /slow/ {{ alias {files}/; limit_rate 256k; }}
        location = /alive {{ root {directory}; }}
    }}
}}
"""


def make_files(directory: Path) -> None:
    """What every web server serves, and the certificate of all."""
    directory.mkdir()
    (directory / "1k").write_bytes(b"x" * 1024)
    (directory / "1m").write_bytes(b"x" * 1024 * 1024)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=lab", "-keyout", directory / "key.pem", "-out", directory / "certificate.pem")


class WebServer:
    """nginx on one node, at ports 80, 443 (TLS) and 8000-8019: `/` and `/whoami` answer its name,
    `/bytes/1k` and `/bytes/1m` so much, `/slow/1m` too, in 4 s; `/alive` is there while it is well."""

    def __init__(self, lab: Lab, node: Node):
        self.node = node
        self.directory = lab.directory / node.name
        self.files = lab.directory / "files"
        if not self.files.exists():
            make_files(self.files)
        # The workers run as www-data; the folders are root's and readable.
        self.directory.mkdir(exist_ok=True)
        self.well(True)
        self.configure(https=True)

    def configure(self, https: bool) -> None:
        (self.directory / "nginx.conf").write_text(NGINX.format(
            directory=self.directory, name=self.node.name, files=self.files,
            https="listen 443 ssl backlog=8192;" if https else ""))

    def serve_https(self, https: bool) -> None:
        """While it runs; connections that are open at port 80 stay."""
        self.configure(https)
        kill(self.pids()[0], signal.SIGHUP)
        wait_for("nginx has reloaded", lambda: (":443 " in self.node.run("ss", "-Htln")) is https, 10)

    def well(self, well: bool) -> None:
        """Whether `/alive` answers 200 or 404."""
        if well:
            (self.directory / "alive").write_text("alive")
        else:
            (self.directory / "alive").unlink()

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


VSFTPD = """
listen=YES
listen_ipv6=NO
background=NO
anonymous_enable=YES
no_anon_password=YES
local_enable=NO
anon_root={root}
secure_chroot_dir={empty}
pasv_min_port=10000
pasv_max_port=10100
pasv_address={vip}
connect_from_port_20=YES
seccomp_sandbox=NO
xferlog_enable=NO
"""


def make_ftp_files(lab: Lab, node: Node) -> Path:
    """vsftpd's configuration, and what it serves."""
    directory = lab.directory / node.name / "ftp"
    root, empty = directory / "root", directory / "empty"
    for folder in (root, empty):
        folder.mkdir(parents=True)
    (root / "whoami").write_text(node.name)
    (root / "1m").write_bytes(b"x" * 1024 * 1024)
    file = directory / "vsftpd.conf"
    file.write_text(VSFTPD.format(root=root, empty=empty, vip=VIP))
    return file


def start_ftp_servers(lab: Lab) -> None:
    """vsftpd at port 21 for anonymous; the file `whoami` holds its name. They end with the lab."""
    for node in lab.webs:
        node.start("vsftpd", make_ftp_files(lab, node))
        wait_for(f"vsftpd of {node.name}", lambda: ":21 " in node.run("ss", "-Htln"), 10)


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
