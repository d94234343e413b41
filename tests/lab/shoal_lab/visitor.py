"""A client with many addresses that does one thing after the other, and can hold connections.

The program runs in the client's namespace, reads one command a line and answers each with a line.
"""

from __future__ import annotations

import http.client
import ssl
from collections import Counter

from .remote import Remote, obey
from .shell import Node
from .topology import VIP

FAILURES = (OSError, http.client.HTTPException)


class Program:
    def __init__(self):
        self.held: list[tuple[str, http.client.HTTPConnection]] = []
        self.insecure = ssl._create_unverified_context()

    def connect(self, host: str, port: int, https: bool, source: str | None, timeout: float):
        start = (source, 0) if source else None
        if https:
            return http.client.HTTPSConnection(host, port, timeout=timeout, source_address=start, context=self.insecure)
        return http.client.HTTPConnection(host, port, timeout=timeout, source_address=start)

    @staticmethod
    def ask_one(connection: http.client.HTTPConnection) -> str:
        connection.request("GET", "/whoami")
        return connection.getresponse().read().decode()

    def get(self, **where) -> str | None:
        """One request on a connection of its own."""
        connection = self.connect(**where)
        try:
            return self.ask_one(connection)
        except FAILURES:
            return None
        finally:
            connection.close()

    def who(self, sources: list[str], **where) -> list[str | None]:
        """Who answers one request from each of these addresses."""
        return [self.get(**{**where, "source": source}) for source in sources]

    def hold(self, count: int, **where) -> list[str | None]:
        return [self.hold_one(**where) for _ in range(count)]

    def hold_one(self, **where) -> str | None:
        connection = self.connect(**where)
        try:
            name = self.ask_one(connection)
        except FAILURES:
            connection.close()
            return None
        self.held.append((name, connection))
        return name

    def ask(self) -> list[tuple[str, bool]]:
        """Each held connection: its server's name, and whether it still answers."""
        return [(name, self.answers(name, connection)) for name, connection in self.held]

    def answers(self, name: str, connection: http.client.HTTPConnection) -> bool:
        connection.auto_open = 0  # no other connection in its place
        try:
            return self.ask_one(connection) == name
        except FAILURES:
            return False

    def release(self, name: str | None, count: int) -> int:
        """Closes so many of those held, of one server or of any."""
        chosen = [each for each in self.held if name in (None, each[0])][:count]
        for each in chosen:
            each[1].close()
            self.held.remove(each)
        return len(chosen)


class Visitor(Remote):
    """The program above, at work in a node."""

    def __init__(self, node: Node):
        super().__init__(node, "shoal_lab.visitor")

    @staticmethod
    def _where(host: str = VIP, port: int = 80, https: bool = False, source: str | None = None,
               timeout: float = 5) -> dict[str, object]:
        return {"host": host, "port": port, "https": https, "source": source, "timeout": timeout}

    def get(self, **where: object) -> str | None:
        """Who answered one request, or None."""
        return self.do("get", **self._where(**where))

    def count(self, requests: int, **where: object) -> Counter:
        """Who answered how many; None: nobody."""
        return Counter(self.get(**where) for _ in range(requests))

    def who(self, sources: list[str], **where: object) -> list[str | None]:
        return self.do("who", sources=sources, **self._where(**where))

    def hold(self, count: int, **where: object) -> Counter:
        """Opens connections that stay: who has how many."""
        return Counter(self.do("hold", count=count, **self._where(**where)))

    def ask(self) -> dict[str, list[bool]]:
        """By real server: which of the held connections still answer."""
        answers: dict[str, list[bool]] = {}
        for name, alive in self.do("ask"):
            answers.setdefault(name, []).append(alive)
        return answers

    def release(self, count: int = 1 << 20, name: str | None = None) -> int:
        return self.do("release", name=name, count=count)


if __name__ == "__main__":
    obey(Program())
