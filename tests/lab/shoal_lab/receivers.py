"""Those who are told: a web server that keeps what is posted to it, and Debian's aiosmtpd."""

from __future__ import annotations

import json
import mailbox
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from .shell import Node, wait_for


class Webhook:
    """On one node; ends with the lab. `posts` are the bodies of what came."""

    def __init__(self, node: Node, address: str, directory: Path, port: int = 8099):
        self.url = f"http://{address}:{port}/shoal"
        self.file = directory / "posts"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        node.start(sys.executable, "-m", "shoal_lab.receivers", address, str(port), self.file, env=environment)
        wait_for("the webhook", lambda: f":{port} " in node.run("ss", "-Htln"), 20)

    def posts(self) -> list[dict]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


class MailRelay:
    """On one node; ends with the lab. It takes everything for everybody."""

    def __init__(self, node: Node, address: str, directory: Path, port: int = 2525):
        self.address = f"{address}:{port}"
        self.box = directory / "mails"
        node.start(sys.executable, "-m", "aiosmtpd", "-n", "-l", self.address,
                   "-c", "aiosmtpd.handlers.Mailbox", self.box)
        wait_for("the mail relay", lambda: f":{port} " in node.run("ss", "-Htln"), 20)

    def mails(self) -> list[mailbox.MaildirMessage]:
        return list(mailbox.Maildir(self.box, create=False)) if self.box.exists() else []


class Keeper(BaseHTTPRequestHandler):
    """A line in the file for each body."""

    file: Path

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.file.open("ab") as file:
            file.write(body + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


def keep_posts(address: str, port: int, file: Path) -> None:
    Keeper.file = file
    HTTPServer((address, port), Keeper).serve_forever()


if __name__ == "__main__":
    keep_posts(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
