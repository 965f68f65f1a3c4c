"""Sweep the tables of one map: how many bits they store, and what is lost.

python examples/sweep_tables.py sim://ulx3s
"""

import sys

import numpy as np

from tilefold.bundle import Site
from tilefold.device import Device
from tilefold_hw.budget import packet_words
from tilefold_hw.layer import Layer
from tilefold_hw.table import masked, triangle

SIDE, CHANNELS = 32, 8

x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
waves = [np.sin(x * c / 20) * np.cos(y * (CHANNELS - c) / 20) for c in range(CHANNELS)]
maps = np.round(127 + 120 * np.stack(waves)).astype(np.int32)

with Device(sys.argv[1]) as device:
    config = device.config
    n = config.tile
    print("kept  shift  bits/value  PSNR dB")
    for kept in (1, n, n * n // 4, n * n // 2):
        for shift in (0, 2):
            # DC is up to eight times a sample, so it has the width that it needs.
            width = config.field.width - shift
            table = masked(n, triangle(n, kept), width, shift)
            layer = Layer(groups=(SIDE // n) ** 2, tables=(table,), index=(0,) * CHANNELS)
            site = Site("waves", SIDE, SIDE, scale=1.0, zero=0, layer=layer)
            restored = device.decode(device.encode(maps, site), site)
            error = np.mean((restored - maps) ** 2.0)
            bits = packet_words(config, layer) * config.word_width / maps.size
            psnr = 10 * np.log10(255**2 / max(error, 1e-9))
            print(f"{kept:4}  {shift:5}  {bits:10.3f}  {psnr:7.1f}")
