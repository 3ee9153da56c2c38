"""A threaded WSGI server: one process, keep-alive, and connections lost on purpose."""

import contextlib
import socket
import struct
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from .corps import every as every_host


class Handler(WSGIRequestHandler):
    """Quiet; small answers leave at once; views can drop the connection."""

    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 120

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are in the journal; addresses and ids do not go to a console."""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = dict(super().get_environ())
        environ["sim.drop_connection"] = self._drop
        return environ

    def _drop(self) -> None:
        connection: Any = self.connection
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadedWSGIServer):
    """Many phones and senders at once."""

    request_queue_size = 256
    daemon_threads = True

    def service_actions(self) -> None:
        """Between two polls: what is due by the host's clock happens without being asked for."""
        for host in every_host():
            host.ticker.run()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no event here."""


def make_server(host: str, port: int, application: WSGIHandler) -> Server:
    family = Server.address_family
    server = Server((host, port), Handler, ipv6=family == socket.AF_INET6)
    server.set_app(application)
    return server
