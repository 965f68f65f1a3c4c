import numpy as np
import pytest
from peer import Peer

from tilefold.link import link as module
from tilefold.link.link import TRIES, Link
from tilefold.link.window import LinkError, SessionLost
from tilefold_hw.link import Kind
from tilefold_sim.faults import FaultyPort

BASE = 0x1000_0000


@pytest.fixture
def connect(monkeypatch):
    """Open a link to a peer, through whatever line."""

    def connect(peer, line=lambda port: port):
        monkeypatch.setattr(module, "open_port", lambda url, baud: line(peer))
        link = Link("test", 3_000_000)
        link.open()
        link.agree(peer.slots, peer.ring)
        return link

    return connect


def packets(rng, count=6, most=3000):
    return [rng.bytes(int(rng.integers(1, most))) for _ in range(count)]


def test_registers_are_read_and_written_in_order(connect):
    peer = Peer()
    link = connect(peer)
    writes = [(BASE + n, n * n) for n in range(200)] + [(5, 6), (BASE, 9)]
    link.write(writes)
    assert link.read(BASE, 200) == (9, *(n * n for n in range(1, 200)))
    assert link.read(5) == (6,)
    assert link.resent == 0


def test_writes_to_neighbours_share_a_request(connect):
    peer = Peer()
    connect(peer).write([(BASE + n, n) for n in range(120)])
    kinds = [frame.kind for frame in peer.done]
    assert kinds == [Kind.WRITE] * 2


@pytest.mark.parametrize("ring", [512, 2048])
@pytest.mark.parametrize("chunk", [None, 7, 1])
def test_bytes_go_in_and_come_out(connect, ring, chunk):
    peer = Peer(slots=4, ring=ring, chunk=chunk)
    link = connect(peer)
    rng = np.random.default_rng(0)
    for _ in range(3):
        sent = packets(rng, most=800)
        whole = b"".join(sent)
        before = peer.came
        assert link.transfer(sent, len(whole)) == whole
        assert peer.ends[-len(sent) :] == (before + np.cumsum(list(map(len, sent)))).tolist()
    assert link.resent == 0


def test_progress_ends_where_it_should(connect):
    link = connect(Peer())
    seen = []
    link.transfer([bytes(1000)], 1000, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2000, 2000)
    assert seen == sorted(seen)


@pytest.mark.parametrize("rate", [1e-3, 1e-2])
@pytest.mark.parametrize("bursts", [0, 1e-3])
def test_a_bad_line_changes_nothing(connect, rate, bursts):
    """Registers and bytes are those that were meant, each once and in order."""
    peer = Peer()
    for seed in range(20):
        link = connect(peer, lambda port, seed=seed: FaultyPort(port, rate, seed, bursts))
        rng = np.random.default_rng(seed)
        values = rng.integers(0, 1 << 32, 300).tolist()
        link.write([(BASE + n, value) for n, value in enumerate(values)])
        assert link.read(BASE, 300) == tuple(values)
        sent = packets(rng)
        whole = b"".join(sent)
        start = peer.came
        assert link.transfer(sent, len(whole)) == whole
        assert peer.ends[-len(sent) :] == (start + np.cumsum(list(map(len, sent)))).tolist()


@pytest.mark.parametrize("rate", [0.0, 1e-2])
def test_a_request_is_done_once(connect, rate):
    peer = Peer()
    link = connect(peer, lambda port: FaultyPort(port, rate, 3))
    writes = [(BASE + 2 * n, n) for n in range(500)]
    link.write(writes)
    done = [(frame.value, int.from_bytes(frame.data, "little")) for frame in peer.done]
    assert done == writes


class Deaf(Peer):
    def write(self, data):
        return len(data)


class Babbling(Deaf):
    def read(self, size=1):
        return b"\x55\xaa\x00"[:size]

    in_waiting = 3


def test_a_dead_line_ends_in_an_error(connect):
    message = (
        rf"^nothing answers at test in {TRIES} times 0\.11 s: is the board programmed "
        r"\(tilefold program\), and is this its port\?$"
    )
    with pytest.raises(LinkError, match=message):
        connect(Deaf())


def test_nonsense_ends_in_an_error(connect):
    message = (
        r"^what answers at test is no Tilefold device, or has another baud rate than 3000000: "
        r"nothing that came is a frame$"
    )
    with pytest.raises(LinkError, match=message):
        connect(Babbling())


def test_a_device_that_was_reset_is_noticed(connect):
    peer = Peer()
    link = connect(peer)
    peer.reset()
    with pytest.raises(SessionLost, match=r"^the device was reset, and holds no layer$"):
        link.read(0)
    link.open()
    assert link.read(0)


def test_a_device_that_somebody_else_has_opened_is_noticed(connect):
    peer = Peer()
    first = connect(peer)
    second = connect(peer)
    with pytest.raises(SessionLost, match=r"^another program has opened the device since$"):
        first.read(0)
    assert second.read(0)


def test_a_device_that_gives_too_little_is_noticed(connect, monkeypatch):
    monkeypatch.setattr("tilefold.link.talk._PATIENCE", 20)
    link = connect(Peer())
    with pytest.raises(LinkError, match=r"^the device has given 100 of 101 bytes, and no more$"):
        link.transfer([bytes(100)], 101)


def test_a_request_that_the_device_can_not_do_is_an_error(connect):
    link = connect(Peer())
    message = r"^the device refused FETCH at 0x50005 with 1 bytes: it has no such bytes$"
    link._counts.fetched = 5
    with pytest.raises(LinkError, match=message):
        link.transfer([], 1)


def test_counts_go_on_past_the_end_of_their_range(connect):
    peer = Peer()
    link = connect(peer)
    start = (1 << 16) - 1000
    peer.went = peer.released = start
    link._counts.sent = link._counts.fetched = link._counts.produced = start
    link._counts.allowed = (start + peer.ring) % (1 << 16)
    data = np.random.default_rng(0).bytes(5000)
    assert link.transfer([data], len(data)) == data
    assert link.transfer([data], len(data)) == data
