"""Measure a device: that it is sound, how fast it is, and what it has counted.

python examples/measure.py sim://icebreaker
"""

import sys

from tilefold.device import Device

with Device(sys.argv[1]) as device:
    print(f"built with {device.identity.digest[:8]}, at {device.identity.clock_hz / 1e6:g} MHz")
    sound = device.selftest(packets=4)
    speed = sound.samples_per_second / 1e6
    print(f"self-test: {sound.samples} samples in {sound.cycles} cycles, {speed:.3g} Msamples/s")
    found = device.bench(packets=4)
    print(f"a request and its reply: {1e6 * found.reply_seconds:.3g} microseconds")
    for name, way in (("encode", found.encode), ("decode", found.decode)):
        if way:
            print(f"{name}: {way.bytes_in / 1e3:.4g} kB/s in, {way.bytes_out / 1e3:.4g} kB/s out")
    for side, counters in device.counters().items():
        print(f"{side}: {counters}")
