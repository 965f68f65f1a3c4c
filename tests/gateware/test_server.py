"""What a device does with requests, as the smallest host sees it."""

import numpy as np
import pytest
from helpers.client import OWN, SMALL, Client, Reply, replies, request

from tilefold_hw.device import SPACES, Mode
from tilefold_hw.link import (
    COUNTS,
    DATA_MOST,
    DONE,
    REGISTERS_MOST,
    WANTED,
    Kind,
    Refusal,
    Wrong,
)

GROUPS = SPACES["encoder"] + 0x11  # a setting that reads back


def counts(reply):
    """Bytes that came out, and that may have been sent."""
    return COUNTS.unpack(reply.value.to_bytes(4, "little"))


def wanted(offset, release):
    return int.from_bytes(WANTED.pack(offset, release), "little")


def refused(reply, refusal, value):
    return (reply.kind, reply.value, reply.data) == (refusal, value, b"")


def test_a_device_that_nobody_opened_knows_no_session():
    client = Client()
    client.device.reset()
    for session in (0, 1, 0xFFFF):
        for kind in (Kind.READ, Kind.WRITE, Kind.SEND, Kind.FETCH, 0, 99):
            (reply,) = replies(client.wire(request(kind, 7, session, 1, b"\1")))
            assert reply == Reply(Refusal.STRAY, 7, session, 0, b"")
    (reply,) = replies(client.wire(request(Kind.OPEN, 7, 0)))
    assert reply == Reply(Refusal.STRAY, 7, 0, 0, b"")


def test_only_the_session_that_is_open_is_served():
    client = Client(session=0xABCD)
    for session in (0, 0xABCC, 0xAACD, 0xCDAB):
        (reply,) = replies(client.wire(request(Kind.READ, 1, session, 0, b"\1")))
        assert reply == Reply(Refusal.STRAY, 1, session, 0xABCD, b"")
    (reply,) = replies(client.wire(request(Kind.OPEN, 1, 0)))
    assert refused(reply, Refusal.STRAY, 0xABCD)
    assert client.read(GROUPS) == [0]


def test_a_session_that_is_opened_again_goes_on():
    client = Client()
    client.write(GROUPS, 9)
    for sequence in (0, 1, 200):
        (reply,) = replies(client.wire(request(Kind.OPEN, sequence, 1)))
        assert reply == Reply(Kind.OPEN | DONE, sequence, 1, 0, b"")
    assert client.read(GROUPS) == [9]


def test_another_session_begins_anew_from_its_own_sequence():
    client = Client()
    client.write(GROUPS, 9)
    client.open(2, sequence=255)
    assert client.sequence == 0
    assert client.read(GROUPS) == [0]


def test_sequences_go_around():
    client = Client()
    for _ in range(300):
        client.read(0)


def test_a_request_out_of_order_is_told_which_is_next():
    client = Client()
    for sequence in (0, 2, 129, 255):
        wire = request(Kind.WRITE, sequence, 1, GROUPS, b"\7\0\0\0")
        assert replies(client.wire(wire)) == [Reply(Refusal.ORDER, sequence, 1, 1, b"")]
    assert client.read(GROUPS) == [0]


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        (0, b"", Wrong.KIND),
        (7, b"\1", Wrong.KIND),
        (0x81, b"", Wrong.KIND),
        (0xFF, b"\1\1\1\1", Wrong.KIND),
        (Kind.READ, b"", Wrong.LENGTH),
        (Kind.READ, b"\1\0", Wrong.LENGTH),
        (Kind.READ, b"\0", Wrong.LENGTH),
        (Kind.READ, bytes([REGISTERS_MOST + 1]), Wrong.LENGTH),
        (Kind.READ, b"\xff", Wrong.LENGTH),
        (Kind.WRITE, b"", Wrong.LENGTH),
        (Kind.WRITE, b"\7\0\0", Wrong.LENGTH),
        (Kind.WRITE, b"\7\0\0\0\7", Wrong.LENGTH),
        (Kind.SEND, b"", Wrong.LENGTH),
        (Kind.SEND_LAST, b"", Wrong.LENGTH),
        (Kind.FETCH, b"", Wrong.LENGTH),
        (Kind.FETCH, bytes([DATA_MOST + 1]), Wrong.LENGTH),
        (Kind.FETCH, b"\xff", Wrong.LENGTH),
        (Kind.FETCH, b"\1\0\0\0\0", Wrong.LENGTH),
    ],
)
def test_what_can_t_be_done_has_had_its_turn(kind, data, why):
    client = Client()
    before = client.read(SPACES["device"], len(OWN))
    (reply,) = client.say((kind, GROUPS if kind == Kind.WRITE else 0, data))
    assert refused(reply, Refusal.WRONG, why)
    assert client.read(GROUPS) == [0]
    before[OWN["wrong"]] += 1
    assert client.read(SPACES["device"], len(OWN)) == before


def test_an_opening_with_data_opens_nothing():
    client = Client()
    (reply,) = replies(client.wire(request(Kind.OPEN, 9, 2, 0, b"\0")))
    assert refused(reply, Refusal.WRONG, Wrong.LENGTH)
    client.read(0)


def test_many_registers_in_one_request():
    client = Client()
    # From the setting before it to memories, which read as zero.
    start = GROUPS - 1
    values = np.arange(1, REGISTERS_MOST + 1) + 0xABCD_0000
    client.write(start, *values.tolist())
    found = client.read(start, REGISTERS_MOST)
    assert found == [client.read(start + place)[0] for place in range(REGISTERS_MOST)]
    assert found[1] == 2
    assert not any(found[0x10:])


def test_requests_under_way_are_done_in_order():
    client = Client()
    writes = [(Kind.WRITE, GROUPS, bytes([n, 0, 0, 0])) for n in (5, 6)]
    reads = [(Kind.READ, GROUPS, b"\1")] * 2
    found = client.say(writes[0], reads[0], writes[1], reads[1], idle=2000)
    assert [reply.sequence for reply in found] == [1, 2, 3, 4]
    assert [reply.data[:1] for reply in found] == [b"", b"\5", b"", b"\6"]


def test_a_full_intake_takes_all_or_nothing_and_no_turn():
    client = Client()
    client.write(OWN["mode"], Mode.SELFTEST)
    for _ in range(2):
        produced, allowed = counts(client.ask(Kind.SEND, 0, bytes(DATA_MOST)))
    # Nobody takes them in this mode, but a few are on the way out of the memory.
    assert produced == 0
    assert allowed - SMALL.ring in range(4)
    left = allowed - 2 * DATA_MOST
    for count in (left + 1, DATA_MOST):
        (reply,) = client.say((Kind.SEND, 0, bytes(count)))
        assert reply.kind == Refusal.FULL
        assert counts(reply) == (0, allowed)
        client.sequence -= 1
    client.ask(Kind.SEND, 0, bytes(left))
    (reply,) = client.say((Kind.SEND, 0, b"\0"))
    assert reply.kind == Refusal.FULL
    client.sequence -= 1
    assert client.own("wrong") == 0


@pytest.mark.parametrize(
    ("offset", "release"),
    [(1, 0), (0xFFFF, 0), (0, 0xFFFF), (0, 1), (1, 1), (0x8000, 0), (0x8000, 0x4000), (0, 0x8000)],
)
def test_bytes_that_are_not_there_can_t_be_fetched(offset, release):
    client = Client()
    (reply,) = client.say((Kind.FETCH, wanted(offset, release), b"\1"))
    assert refused(reply, Refusal.WRONG, Wrong.OFFSET)
    assert client.fetch(240) == b""
    (reply,) = client.say((Kind.FETCH, 0, b"\0"))
    assert counts(reply) == (0, SMALL.ring)


def test_a_device_whose_replies_nobody_takes_goes_on_when_they_are_taken():
    client = Client()
    wire = b"".join(request(Kind.READ, 1 + n, 1, 0, b"\2") for n in range(20))
    client.device.run(np.frombuffer(wire, np.uint8), None, idle=500)
    found = replies(client.wire(b""))
    done = [reply for reply in found if reply.kind == Kind.READ | DONE]
    assert [reply.sequence for reply in done] == list(range(1, 1 + len(done)))
    assert len(done) >= SMALL.slots
    client.sequence = 1 + len(done)
    assert client.own("dropped") == 20 - len(found)


def test_replies_wait_for_the_line():
    client = Client(stall=0.7)
    assert client.read(SPACES["device"], len(OWN))[:2] == client.read(0, 2)


def test_a_reset_in_the_middle_of_a_frame_leaves_nothing():
    client = Client()
    frame = request(Kind.READ, 1, 1, 0, b"\1")
    for cut in range(len(frame)):
        client.wire(frame[:cut], idle=0)
        client.device.reset()
        client.open(3)
        assert client.own("damaged") == 0


def test_a_zero_in_front_saves_the_frame_behind_a_damaged_one():
    client = Client()
    frame = request(Kind.READ, 1, 1, 0, b"\1")
    (reply,) = replies(client.wire(frame[:5] + b"\0" + frame))
    assert reply.kind == Kind.READ | DONE
    client.sequence = 2
    assert client.own("damaged") == 1
    assert client.own("dropped") == 0
