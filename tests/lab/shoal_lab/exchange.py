"""A server and a client that check every byte that they exchange: TCP and UDP, IPv4 and IPv6.

The server takes a line over TCP: `name`, `take` (and then bytes: it answers with their SHA-256) or
`give COUNT` (it sends the SHA-256 and so many bytes). A datagram it sends back behind its name. The
client runs in its node and does what `Client` is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import socket
import socketserver
import struct
import sys
import threading
from collections import Counter

from .remote import Remote, obey
from .shell import Node, wait_for

PORT = 9000
# Nobody listens there.
CLOSED_PORT = 9001
PATIENCE = 60.0  # seconds, for what may not be lost
RETRY = 0.5
CHUNK = 1 << 16
FRAGMENT = 1000


class Responder(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        word, _, count = self.rfile.readline().decode().strip().partition(" ")
        if word == "name":
            self.wfile.write(self.server.name)
        elif word == "take":
            digest = hashlib.sha256()
            while data := self.rfile.read1(CHUNK):
                digest.update(data)
            self.wfile.write(digest.digest())
        elif word == "give":
            data = os.urandom(int(count))
            self.wfile.write(hashlib.sha256(data).digest() + data)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6  # and IPv4
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name: str):
        super().__init__(("::", PORT), Responder)
        self.name = name.encode()


def answer_datagrams(name: str) -> None:
    """From the address that each came to."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        server.bind(("::", PORT))
        while True:
            data, [(level, kind, information)], _, sender = server.recvmsg(CHUNK, 100)
            source = (level, kind, information[:16] + bytes(4))
            with contextlib.suppress(OSError):
                server.sendmsg([name.encode() + b" " + data], [source], 0, sender)


def serve(name: str) -> None:
    threading.Thread(target=answer_datagrams, args=[name], daemon=True).start()
    Server(name).serve_forever()


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def content(number: int, size: int) -> bytes:
    return (hashlib.sha512(b"%d" % number).digest() * (size // 64 + 1))[:size]


class Client:
    def __init__(self):
        # Below those that the kernel chooses. A port met again would lead to its earlier real server.
        self.ports = itertools.cycle(range(10000, 32000))
        self.numbers = itertools.count(1)

    def connect(self, host: str, source: str = "") -> socket.socket:
        return socket.create_connection((host, PORT), PATIENCE, (source, next(self.ports)))

    @contextlib.contextmanager
    def datagrams_to(self, host: str, port: int, timeout: float, source: str = ""):
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as client:
            client.settimeout(timeout)
            client.bind((source, next(self.ports)))
            client.connect((host, port))
            yield client

    def names(self, host: str, count: int) -> Counter:
        """Who answered so many connections, one after the other."""
        answers = Counter()
        for _ in range(count):
            with self.connect(host) as connection:
                connection.sendall(b"name\n")
                answers[everything(connection).decode()] += 1
        return answers

    def upload(self, host: str, size: int) -> None:
        data = os.urandom(size)
        with self.connect(host) as connection:
            connection.sendall(b"take\n" + data)
            connection.shutdown(socket.SHUT_WR)
            expect(everything(connection) == hashlib.sha256(data).digest(), "it arrived as it was sent")

    def download(self, host: str, size: int, source: str = "") -> None:
        with self.connect(host, source) as connection:
            connection.sendall(b"give %d\n" % size)
            answer = everything(connection)
            expect(len(answer) == 32 + size, f"{size} bytes came, not {len(answer) - 32}")
            expect(hashlib.sha256(answer[32:]).digest() == answer[:32], "it arrived as it was sent")

    def datagrams(self, host: str, count: int, size: int, tries: int = 1, source: str = "") -> Counter:
        """Who answered so many, each from a port of its own. With `tries` some may be lost first."""
        answers = Counter()
        for number in range(count):
            timeout = PATIENCE if tries == 1 else RETRY
            with self.datagrams_to(host, PORT, timeout, source) as client:
                answers[ask(client, content(number, size), tries)] += 1
        return answers

    def flow(self, host: str, count: int, size: int, window: int = 16) -> None:
        """Many datagrams of one port, so many on their way at a time: none is lost or changed."""
        with self.datagrams_to(host, PORT, PATIENCE) as client:
            for begin in range(0, count, window):
                numbers = range(begin, min(begin + window, count))
                for number in numbers:
                    client.send(content(number, size))
                came = {client.recv(CHUNK).partition(b" ")[2] for _ in numbers}
                expect(came == {content(number, size) for number in numbers}, "the flow is whole")

    def refused(self, host: str) -> str:
        """What a datagram to a closed port meets."""
        with self.datagrams_to(host, CLOSED_PORT, PATIENCE) as client:
            client.send(b"anybody there?")
            try:
                return f"answered {client.recv(100)!r}"
            except OSError as error:
                return type(error).__name__

    def backwards(self, host: str, count: int, size: int) -> None:
        """Datagrams in fragments, the last one first. One that took its time is sent again: what the
        director holds longer than 50 ms is dropped."""
        with self.datagrams_to(host, PORT, RETRY) as client:
            for number in range(count):
                ask(client, content(number, size), 20, lambda data: self.send_fragments(client, data))

    def beheaded(self, host: str, count: int, size: int) -> None:
        """Fragments of datagrams whose first ones never come."""
        with self.datagrams_to(host, PORT, RETRY) as client:
            for number in range(count):
                self.send_fragments(client, content(number, size), 1)

    def send_fragments(self, client: socket.socket, data: bytes, first: int = 0) -> None:
        """From the last one to the one with this number."""
        number = next(self.numbers)
        host = client.getpeername()[0]
        source, target = (socket.inet_pton(client.family, name) for name in (client.getsockname()[0], host))
        datagram = udp(client, source + target, data)
        write = fragment_v6 if client.family == socket.AF_INET6 else fragment_v4
        packets = [write(source, target, number, datagram, begin)
                   for begin in range(first * FRAGMENT, len(datagram), FRAGMENT)]
        with socket.socket(client.family, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
            for packet in reversed(packets):
                raw.sendto(packet, (host, 0))


def ask(client: socket.socket, data: bytes, tries: int, send=None) -> str:
    """Who answered, on whichever of so many tries."""
    for attempt in range(1, tries + 1):
        try:
            (send or client.send)(data)
            name, _, rest = client.recv(CHUNK).partition(b" ")
            expect(rest == data, "it came back as it was sent")
            return name.decode()
        except (TimeoutError, OSError) as error:
            # A datagram that is larger than the path takes is refused here once that is known.
            if attempt == tries:
                raise error
    raise AssertionError("no try")


def expect(held: bool, what: str) -> None:
    if not held:
        raise AssertionError(f"not so: {what}")


def everything(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as file:
        return file.read()


def udp(client: socket.socket, addresses: bytes, data: bytes) -> bytes:
    """With its checksum, which IPv6 demands."""
    length = 8 + len(data)
    ports = client.getsockname()[1], client.getpeername()[1]
    pseudo = addresses + struct.pack("!IHHHH", socket.IPPROTO_UDP, length, *ports, length)
    words = pseudo + data + bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!HHHH", *ports, length, ~total & 0xffff or 0xffff) + data


def fragment_v4(source: bytes, target: bytes, number: int, datagram: bytes, begin: int) -> bytes:
    part = datagram[begin:begin + FRAGMENT]
    more = 0x2000 if begin + FRAGMENT < len(datagram) else 0
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(part), number & 0xffff, more | begin // 8, 64,
                       socket.IPPROTO_UDP, 0, source, target) + part


def fragment_v6(source: bytes, target: bytes, number: int, datagram: bytes, begin: int) -> bytes:
    part = datagram[begin:begin + FRAGMENT]
    more = begin + FRAGMENT < len(datagram)
    return struct.pack("!IHBB16s16sBBHI", 6 << 28, 8 + len(part), socket.IPPROTO_FRAGMENT, 64, source, target,
                       socket.IPPROTO_UDP, 0, begin | more, number) + part


def start_responders(nodes: list[Node]) -> None:
    """They end with their nodes."""
    for node in nodes:
        Remote(node, "shoal_lab.exchange", node.name)
    for node in nodes:
        for words in ("-Htln", "-Huln"):
            wait_for(f"the server of {node.name}", lambda: f":{PORT} " in node.run("ss", words), 60)


class Exchange(Remote):
    """The client at work in a node."""

    def __init__(self, node: Node):
        super().__init__(node, "shoal_lab.exchange")


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else obey(Client())
