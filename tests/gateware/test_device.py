from dataclasses import replace

import numpy as np
import pytest
from helpers.client import OWN, SMALL, Client, Reply, replies, request
from helpers.packets import packet
from helpers.stimuli import random_layer

from tilefold.model.reorder import to_beats
from tilefold.model.selftest import pattern, signature
from tilefold_gateware.device import SerialDevice
from tilefold_hw import regs
from tilefold_hw.device import ID, SPACES, VERSION, Mode
from tilefold_hw.link import COUNTED, DONE, FRAME_MOST, WANTED, Kind
from tilefold_hw.regs import decoder_map, encoder_map
from tilefold_hw.writes import decoder_writes, encoder_writes
from tilefold_sim.compiled import Compiled


def layer_of(config, channels=3, groups=2, **settings):
    return random_layer(np.random.default_rng(0), config.codec, channels, groups, **settings)


def packets_of(config, layer, count=2):
    return [packet(config.codec, layer, seed=seed) for seed in range(count)]


def begin(config, layer, mode, **how):
    """A client whose device runs *layer* in *mode*."""
    client = Client(config, **how)
    if config.encoder:
        client.load("encoder", encoder_writes(config.codec, layer))
    if config.decoder:
        client.load("decoder", decoder_writes(config.codec, layer))
    client.write(OWN["mode"], mode)
    return client


def whole(values, size):
    """Bytes of *values*, so many each."""
    octets = np.asarray(values, "<i8").ravel().view(np.uint8).reshape(-1, 8)
    assert size < 8
    return octets[:, :size].tobytes()


def samples_in(config, packets):
    """What an encoder is sent, as bytes."""
    beats = [to_beats(config.codec, p.samples) for p in packets]
    return whole(np.concatenate(beats), config.sample_bytes[0])


def samples_out(config, packets):
    """What a decoder sends, as bytes."""
    beats = [to_beats(config.codec, p.restored) for p in packets]
    return whole(np.concatenate(beats), config.sample_bytes[1])


def words_of(config, packets):
    """The words of packets, as bytes."""
    return b"".join(w.to_bytes(config.word_bytes, "little") for p in packets for w in p.words)


def test_tells_what_it_is_built_of():
    client = Client(SMALL)
    found = dict(zip(OWN, client.read(SPACES["device"], len(OWN)), strict=True))
    digest = "".join(f"{found.pop(f'digest_{word}'):08x}" for word in range(8))
    assert digest == SMALL.codec.digest
    assert found == {
        "id": ID,
        "version": VERSION,
        "sides": 3,
        "clock": SMALL.clock_hz,
        "slots": SMALL.slots,
        "ring": SMALL.ring,
        "mode": 0,
        "run": 0,
        "cycles": 0,
        "words": 0xFFFF_FFFF,
        "samples": 0xFFFF_FFFF,
        "damaged": 0,
        "dropped": 0,
        "wrong": 0,
    }


def test_each_side_is_in_its_space():
    client = Client(SMALL)
    for space, version in (("encoder", regs.ENCODER), ("decoder", regs.DECODER)):
        assert client.read(SPACES[space], 2) == [regs.ID, version]
    settings = {"encoder": encoder_map(SMALL.codec), "decoder": decoder_map(SMALL.codec)}
    for number, (space, regmap) in enumerate(settings.items()):
        client.write(SPACES[space] + regmap.register("groups").address, 5 + number)
    for number, (space, regmap) in enumerate(settings.items()):
        assert client.read(SPACES[space] + regmap.register("groups").address) == [5 + number]


def test_what_is_not_there_reads_as_zero_and_ignores_writes():
    client = Client(SMALL)
    last = max(OWN.values())
    for address in (last + 1, 1 << 8, 3 << 28, 0xF << 28, SPACES["encoder"] + (1 << 24)):
        client.write(address, 0xFFFF_FFFF)
        assert client.read(address) == [0]
    # Mode and settings are as they were, and so is what comes behind them.
    mode = SPACES["device"] + (1 << 20) + OWN["mode"]
    client.write(mode, 3)
    assert client.read(OWN["mode"]) == [0]
    assert client.read(last, 3) == [0, 0, 0]


def test_encodes():
    layer = layer_of(SMALL)
    packets = packets_of(SMALL, layer)
    words = words_of(SMALL, packets)
    client = begin(SMALL, layer, Mode.ENCODE)
    assert client.transfer(samples_in(SMALL, packets), len(words)) == words
    assert client.fetch(240) == b""


def test_decodes():
    layer = layer_of(SMALL)
    packets = packets_of(SMALL, layer)
    client = begin(SMALL, layer, Mode.DECODE)
    for p in packets:
        restored = samples_out(SMALL, [p])
        assert client.transfer(words_of(SMALL, [p]), len(restored)) == restored
    errors = decoder_map(SMALL.codec).register("errors").address
    assert client.read(SPACES["decoder"] + errors) == [0]
    # A packet that does not end where its layer says is found.
    words = words_of(SMALL, packets[:1])
    client.send(words, last=False)
    assert client.read(SPACES["decoder"] + errors) == [regs.FRAMING]


def test_round_trip():
    layer = layer_of(SMALL)
    packets = packets_of(SMALL, layer)
    restored = samples_out(SMALL, packets)
    client = begin(SMALL, layer, Mode.ROUNDTRIP)
    assert client.transfer(samples_in(SMALL, packets), len(restored)) == restored


def test_tests_itself():
    layer = layer_of(SMALL, channels=4, groups=1)
    codec = SMALL.codec
    items = 4 * codec.pixels // codec.lanes
    client = begin(SMALL, layer, Mode.SELFTEST)
    for packets in (3, 1, 3):
        beats = pattern(codec, packets * items)
        groups = beats.reshape(packets, 1, codec.pixels, 4)
        made = [packet(codec, layer, group) for group in groups]
        client.write(OWN["run"], packets * items)
        words = np.frombuffer(words_of(SMALL, made), np.uint8).reshape(-1, SMALL.word_bytes)
        samples = np.frombuffer(samples_out(SMALL, made), np.uint8).reshape(-1, 2)
        samples = samples & [0xFF, 0x01]
        found = dict(zip(OWN, client.read(SPACES["device"], len(OWN)), strict=True))
        assert found["run"] == 0
        assert found["words"] == signature(words)
        assert found["samples"] == signature(samples.astype(np.uint8))
        assert 2 * items * packets > found["cycles"] - 200 > 0
    assert client.fetch(240) == b""


def test_a_session_begins_with_nothing_of_the_one_before():
    layer = layer_of(SMALL)
    packets = packets_of(SMALL, layer)
    client = begin(SMALL, layer, Mode.ENCODE)
    client.send(samples_in(SMALL, packets)[:100])
    client.open(2, sequence=77)
    assert client.read(OWN["mode"]) == [0]
    status = encoder_map(SMALL.codec).register("status").address
    assert client.read(SPACES["encoder"] + status) == [0]
    client.load("encoder", encoder_writes(SMALL.codec, layer))
    words = words_of(SMALL, packets)
    assert client.transfer(samples_in(SMALL, packets), len(words)) == words


@pytest.mark.parametrize("sides", [{"decoder": False}, {"encoder": False}], ids=str)
def test_one_side_alone(sides):
    config = replace(SMALL, **sides)
    layer = layer_of(config)
    packets = packets_of(config, layer)
    client = begin(config, layer, Mode.ENCODE if config.encoder else Mode.DECODE)
    words = words_of(config, packets)
    if config.encoder:
        assert client.transfer(samples_in(config, packets), len(words)) == words
    else:
        restored = samples_out(config, packets[:1])
        assert client.transfer(words_of(config, packets[:1]), len(restored)) == restored
    assert client.own("sides") == config.sides
    missing = "decoder" if config.encoder else "encoder"
    assert client.read(SPACES[missing]) == [0]


def test_a_bad_line_loses_nothing_and_does_nothing_twice():
    def harm(wire):
        """Flip, drop or double a byte in 250."""
        found = bytearray()
        for byte in wire:
            what = int(rng.integers(750))
            if what == 0:
                continue
            found += bytes([byte ^ 1 << int(rng.integers(8))] if what == 1 else [byte])
            found += bytes([byte] if what == 2 else [])
        return bytes(found)

    rng = np.random.default_rng(0)
    layer = layer_of(SMALL)
    packets = packets_of(SMALL, layer, 12)
    words, data = words_of(SMALL, packets), samples_in(SMALL, packets)
    client = begin(SMALL, layer, Mode.ENCODE)
    got, place = bytearray(), 0
    while len(got) < len(words):
        if part := data[place : place + 48]:
            client.insist(Kind.SEND, 0, part, harm)
            place += len(part)
        # What came is released only by who asks for what follows.
        value = int.from_bytes(WANTED.pack(len(got), len(got)), "little")
        if reply := client.insist(Kind.FETCH, value, b"\x50", harm):
            got += reply.data
    assert got == words
    assert client.own("damaged") > 3


@pytest.mark.parametrize("stall", [0, 0.995])
def test_the_longest_replies_follow_each_other(stall):
    layer = layer_of(SMALL, channels=4, groups=4)
    packets = packets_of(SMALL, layer, 1)
    restored = samples_out(SMALL, packets)
    client = begin(SMALL, layer, Mode.ROUNDTRIP)
    client.send(samples_in(SMALL, packets))
    parts = [restored[at : at + 240] for at in (0, 1, 2, 3)]
    fetches = [(Kind.FETCH, at, b"\xf0") for at in (0, 1, 2, 3)]
    client.stall = stall
    found = client.say(*fetches, idle=1500 if not stall else 300_000)
    assert [reply.data for reply in found] == parts


def test_a_fetched_byte_takes_little_more_than_a_cycle():
    layer = layer_of(SMALL, channels=4, groups=4)
    packets = packets_of(SMALL, layer, 1)
    client = begin(SMALL, layer, Mode.ROUNDTRIP)
    client.send(samples_in(SMALL, packets))
    wire = b"".join(request(Kind.FETCH, client.sequence + n, 1, 0, b"\xf0") for n in range(4))
    run = client.device.run(np.frombuffer(wire, np.uint8), 4 * FRAME_MOST)
    assert run.received.last - run.received.first < 1.15 * 4 * FRAME_MOST


def test_counts_of_bytes_go_around():
    layer = layer_of(SMALL, channels=4, groups=4)
    packets = packets_of(SMALL, layer, 6)
    restored = samples_out(SMALL, packets)
    times = 1 + 70_000 // len(restored)
    client = begin(SMALL, layer, Mode.ROUNDTRIP)
    for _ in range(times):
        assert client.transfer(samples_in(SMALL, packets), len(restored)) == restored
    assert client.fetched > COUNTED


def test_a_serial_port():
    """Bit by bit: a request and its reply; a break, which damages what it falls into."""

    def wire(levels, cycles=2000):
        found = []
        for level in [*np.repeat(levels, config.divisor).tolist(), *[1] * cycles]:
            device.poke("rx", level)
            device.tick()
            found.append(device.peek("tx"))
        return read(found)

    def read(levels):
        """Bytes on a line that each begin in their cycle."""
        text, cycle = b"", 0
        while 0 in levels[cycle:]:
            cycle = levels.index(0, cycle)
            middles = levels[cycle + config.divisor // 2 :: config.divisor][:10]
            assert (middles[0], middles[9]) == (0, 1)
            text += bytes([sum(bit << n for n, bit in enumerate(middles[1:9]))])
            cycle += 10 * config.divisor
        return text

    def drawn(text):
        return [bit for byte in text for bit in (0, *(byte >> n & 1 for n in range(8)), 1)]

    config = replace(SMALL, decoder=False, clock_hz=12_000_000)
    device = Compiled(SerialDevice(config))
    opening = drawn(request(Kind.OPEN, 0, 7))
    reading = drawn(request(Kind.READ, 1, 7, OWN["id"], b"\2"))
    (opened, found) = replies(wire(opening + reading))
    assert opened == Reply(Kind.OPEN | DONE, 0, 7, 0, b"")
    assert np.frombuffer(found.data, "<u4").tolist() == [ID, VERSION]
    damaged = drawn(request(Kind.READ, 2, 7, OWN["damaged"], b"\1"))
    assert wire(damaged[:50] + [0] * 40 + [1] * 10 + damaged) == b""
    (found,) = replies(wire(damaged))
    assert found.data == b"\1\0\0\0"
