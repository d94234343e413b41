"""A gRPC server with the standard health service (grpc.health.v1), by Debian's python3-grpcio.

    python3 -m shoal_lab.grpc_health PORT [CERTIFICATE KEY]

It serves as a whole and "well"; "sick" is known and does not serve, and no other is known.
"""

from __future__ import annotations

import sys
from concurrent import futures
from pathlib import Path

import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse: field 1, an enum
ANSWERS = {b"": SERVING, b"\x0a\x04well": SERVING, b"\x0a\x04sick": NOT_SERVING}  # HealthCheckRequest: field 1, a string


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request not in ANSWERS:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return ANSWERS[request]


def serve(port: int, files: list[str]) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}),))
    if files:
        certificate, key = (Path(file).read_bytes() for file in files)
        server.add_secure_port(f"0.0.0.0:{port}", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
