"""A simulated device for other programs: at a pseudo-terminal, and at a port of TCP."""

import os
import selectors
import socket
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .board import Board

_PIECE = 4096
_KEPT_MOST = 1 << 20  # bytes for somebody who does not read: more is lost, as on a real line
_IDLE = 0.05  # seconds between looks at a device that nobody talks to
_PASSES = 20_000  # cycles that pass when somebody talks to it, and has said nothing just now


class Server:
    """Carries bytes between a device and whoever has opened one of its ends.

    Attributes
    ----------
    path : str
        The pseudo-terminal.
    url : str
        For pyserial, over TCP on this machine.

    Parameters
    ----------
    board : Board
    port : int
        Of TCP; 0 takes a free one.
    """

    def __init__(self, board: Board, port: int = 0):
        self._board = board
        self._selector = selectors.DefaultSelector()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._selector.register(self._master, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: list[socket.socket] = []
        self._to_send: dict[int, bytes] = {self._master: b""}
        self._quiet = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take both ends away."""
        for client in (*self._clients, self._listener):
            client.close()
        os.close(self._master)
        os.close(self._slave)
        self._selector.close()

    def run(self, goes_on: Callable[[], bool] = lambda: True) -> None:
        """Carry bytes while *goes_on*."""
        while goes_on():
            self.step()

    def step(self) -> None:
        """Carry what there is."""
        # Nobody has said anything for a while: then the device's time stands still.
        resting = self._quiet > 10
        data = b""
        for key, _ in self._selector.select(_IDLE if resting else 0):
            data += self._read(key.fd)
        self._quiet = 0 if data else self._quiet + 1
        if data or not resting:
            came = self._pass(data)
            for end in self._to_send:
                self._to_send[end] = (self._to_send[end] + came)[-_KEPT_MOST:]
        for end in list(self._to_send):
            self._write(end)

    def _pass(self, data: bytes) -> bytes:
        came = b""
        while data:
            taken, more = self._board.run(data)
            data = data[taken:]
            came += more
        return came + self._board.run(b"", most=_PASSES, quiet=_PASSES)[1]

    def _read(self, end: int) -> bytes:
        if end == self._listener.fileno():
            client, _ = self._listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients.append(client)
            self._to_send[client.fileno()] = b""
            self._selector.register(client, selectors.EVENT_READ)
            return b""
        try:
            data = os.read(end, _PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._hang_up(end)
        return data

    def _write(self, end: int) -> None:
        if not self._to_send[end]:
            return
        try:
            sent = os.write(end, self._to_send[end][:_PIECE])
            self._to_send[end] = self._to_send[end][sent:]
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up(end)

    def _hang_up(self, end: int) -> None:
        """Forget a client that went away; the pseudo-terminal stays."""
        for client in self._clients:
            if client.fileno() == end:
                self._selector.unregister(client)
                self._clients.remove(client)
                del self._to_send[end]
                client.close()
                return
