"""Bytes as fast as one connection takes them: a sink on every real server, a sender on the client.

    bulk.py serve                 takes whatever comes, and answers how much it was
    bulk.py send HOST SECONDS     prints the bytes that were taken, and the seconds that it took
"""

from __future__ import annotations

import socket
import sys
import threading
import time

PORT = 5001
CHUNK = 1 << 20


def take(connection: socket.socket) -> None:
    buffer = bytearray(CHUNK)
    taken = 0
    with connection:
        while count := connection.recv_into(buffer):
            taken += count
        connection.sendall(b"%d" % taken)


def serve() -> None:
    with socket.create_server(("", PORT)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=take, args=[connection], daemon=True).start()


def send(host: str, seconds: float) -> None:
    data = bytes(CHUNK)
    with socket.create_connection((host, PORT), 10) as connection:
        connection.settimeout(30)
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        taken = int(connection.recv(100))
    print(taken, time.monotonic() - begin)


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else send(sys.argv[2], float(sys.argv[3]))
