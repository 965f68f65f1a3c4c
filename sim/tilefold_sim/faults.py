"""A line that damages what it carries: bytes are dropped, flipped, doubled and delayed."""

from typing import Any

import numpy as np

_LATEST = 40  # bytes that a delayed one is behind, at most
_BURST = 30  # bytes of a burst, at most


class Line:
    """One way of a line.

    Parameters
    ----------
    rate : float
        Probability, for each byte, that it is dropped, flipped, doubled or delayed.
    seed : int
    bursts : float
        Probability, for each byte, that noise begins: up to 30 bytes become anything.
    """

    def __init__(self, rate: float, seed: int, bursts: float = 0.0):
        self._rate = rate
        self._bursts = bursts
        self._rng = np.random.default_rng(seed)
        self._late: list[tuple[int, int]] = []
        self._noise = 0

    def carry(self, data: bytes) -> bytes:
        """Return what becomes of *data*."""
        out = bytearray()
        # Most pieces pass unharmed: one look at all of their bytes.
        drawn = self._rng.random((len(data), 2))
        for byte, (fault, burst) in zip(data, drawn, strict=True):
            if burst < self._bursts:
                self._noise = int(self._rng.integers(1, _BURST))
            if self._noise:
                self._noise -= 1
                byte = int(self._rng.integers(256))
            if fault >= self._rate:
                out.append(byte)
            else:
                self._damage(out, byte)
            still = []
            for left, late in self._late:
                if left:
                    still.append((left - 1, late))
                else:
                    out.append(late)
            self._late = still
        return bytes(out)

    def _damage(self, out: bytearray, byte: int) -> None:
        match self._rng.integers(4):
            case 0:
                out.append(byte ^ 1 << int(self._rng.integers(8)))
            case 1:
                out += bytes([byte, byte])
            case 2:
                self._late.append((int(self._rng.integers(1, _LATEST)), byte))
            # Else it is dropped.


class FaultyPort:
    """A port behind a line that damages both ways; else it is *port*.

    Parameters
    ----------
    port : serial.SerialBase
    rate, bursts : float
        As of :class:`Line`.
    seed : int
    """

    def __init__(self, port: Any, rate: float, seed: int, bursts: float = 0.0):
        self._port = port
        self._there = Line(rate, 2 * seed, bursts)
        self._back = Line(rate, 2 * seed + 1, bursts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
        else:
            setattr(self._port, name, value)

    def write(self, data: bytes) -> int:
        """Send *data*, or what becomes of it."""
        self._port.write(self._there.carry(data))
        return len(data)

    def read(self, size: int = 1) -> bytes:
        """Return what has come: nothing, if all of it was lost."""
        return self._back.carry(self._port.read(size))
