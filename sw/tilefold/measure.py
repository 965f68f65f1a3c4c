"""Measuring a device: its self-test, and how fast it is with the link in the loop and without."""

from dataclasses import dataclass

import numpy as np

from tilefold_hw.budget import packet_words
from tilefold_hw.device import Mode
from tilefold_hw.layer import Layer

from . import selftest as pattern
from .link.payload import restored_bytes
from .link.talk import Progress
from .session import DeviceError, Session

# Looks at signatures that change no more, after which the self-test has ended.
_STILL = 3

_REPLIES = 32  # are timed


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A self-test that has found what it should: samples that the device made itself."""

    samples: int
    cycles: int
    clock_hz: int

    @property
    def samples_per_second(self) -> float:
        """True throughput of all that the device has: no link is in the loop."""
        return self.samples * self.clock_hz / self.cycles


@dataclass(frozen=True, slots=True)
class Way:
    """Bytes a second that go in and that come out at the same time."""

    bytes_in: float
    bytes_out: float


@dataclass(frozen=True, slots=True)
class Bench:
    """How fast a device is. In a simulation, times are those of its clock."""

    #: Seconds from a request to its reply, at the median.
    reply_seconds: float
    #: With the link in the loop; ``None`` without that side.
    encode: Way | None
    decode: Way | None
    #: Samples a second through the device alone; ``None`` without an encoder.
    samples_per_second: float | None


def selftest(session: Session, packets: int) -> SelfTest:
    """Run *packets* of the pattern, and compare the signatures with the golden model's.

    Raises
    ------
    DeviceError
        They differ.
    """
    config, sides = session.config, session.identity.sides
    layer = pattern.layer(config)
    expected = pattern.expected(config, layer, packets, decoder="decoder" in sides)

    def run() -> SelfTest:
        session.prepare(Mode.SELFTEST, sides, layer)
        session.write("run", packets * expected.items)
        found = _signatures(session, expected.signatures)
        if found != expected.signatures:
            told = ", ".join(
                f"{name} {found[name]:#010x}, not {value:#010x}"
                for name, value in expected.signatures.items()
                if found[name] != value
            )
            raise DeviceError(f"the self-test found other signatures than predicted: {told}")
        samples = packets * expected.items * config.lanes
        return SelfTest(samples, session.own("cycles"), session.identity.clock_hz)

    return session.whole(run)


def bench(session: Session, packets: int, progress: Progress | None = None) -> Bench:
    """Measure a device with the self-test's layer and *packets* of its pattern."""
    config, sides = session.config, session.identity.sides
    layer = pattern.layer(config)
    replies = []
    for _ in range(_REPLIES):
        start = session.link.seconds()
        session.whole(lambda: session.own("id"))
        replies.append(session.link.seconds() - start)

    samples = pattern.packets(config, layer, packets)
    words = packet_words(config, layer) * config.word_width // 8
    encode = decode = speed = None
    if "encoder" in sides:
        encode = _timed(session, Mode.ENCODE, "encoder", layer, samples, words, progress)
        speed = selftest(session, packets).samples_per_second
    if "decoder" in sides:
        stored = [bytes(words)] * packets
        size = restored_bytes(config, layer)
        decode = _timed(session, Mode.DECODE, "decoder", layer, stored, size, progress)
    return Bench(float(np.median(replies)), encode, decode, speed)


def _timed(
    session: Session,
    mode: int,
    side: str,
    layer: Layer,
    packets: list[bytes],
    each: int,
    progress: Progress | None,
) -> Way:
    """Send *packets*, take *each* bytes of them, and tell how fast that was."""
    session.whole(lambda: session.prepare(mode, (side,), layer))
    start = session.link.seconds()
    data = session.run(mode, (side,), layer, packets, len(packets) * each, progress)
    seconds = session.link.seconds() - start
    return Way(sum(map(len, packets)) / seconds, len(data) / seconds)


def _signatures(session: Session, expected: dict[str, int]) -> dict[str, int]:
    """Signatures, when they are as expected or change no more."""
    last: dict[str, int] = {}
    still = 0
    while still < _STILL:
        found = {name: session.own(name) for name in expected}
        if found == expected:
            return found
        still = 0 if found != last or session.own("run") else still + 1
        last = found
    return last
