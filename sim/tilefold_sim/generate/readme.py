"""The README of a core: its ports, timing, budget and cost, and how a layer is loaded."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version

from tilefold_hw import latency
from tilefold_hw.budget import (
    bits_per_value,
    packet_cycles,
    packet_samples,
    packet_words,
    pixel_cycles,
)
from tilefold_hw.core import CoreConfig
from tilefold_hw.estimate import LATENCIES, errors, estimate, usual_layer
from tilefold_hw.raster import LARGEST
from tilefold_hw.regs import COMMIT

from .source import settings

_RESETS = {
    "sync-high": "active high, acts with the clock",
    "sync-low": "active low, acts with the clock",
    "async-high": "active high, acts at once; let it end with an edge of the clock",
    "async-low": "active low, acts at once; let it end with an edge of the clock",
}


_ROWS = {
    "pixel-major": "all channels of a pixel, then those of the next",
    "row-planar": "a row of a channel, then that row of the next channel",
}


def readme(core: CoreConfig) -> str:
    """Write the README, in Markdown."""
    name = core.module
    return "\n".join(
        [
            f"# {name}\n",
            f"{_what(core)} Made by Tilefold {version('tilefold')}; what it generates carries no "
            "obligation.\n",
            "```toml\n" + settings(core) + "```\n",
            "## Try it\n",
            "```sh",
            f"iverilog -g2005 -o tb tb_{name}.v {name}.v && vvp tb",
            "verilator --binary --timing -Wno-fatal -CFLAGS -std=c++20 \\",
            f"  --top-module tb_{name} tb_{name}.v {name}.v && obj_dir/Vtb_{name}",
            f"python test_{name}.py             # cocotb: pip install cocotb cocotbext-axi",
            f"verilator --lint-only -Wall {name}.vlt {name}.v",
            f"fusesoc --cores-root . run --target sim tilefold::{name}",
            "```\n",
            "Benches play the vectors in `vectors/`, which a model in NumPy made, and compare all "
            "bits.\n",
            "## Ports\n",
            _ports(core),
            "## Beats and packets\n",
            _beats(core),
            "## Timing\n",
            _timing(core),
            "## Budget and cost\n",
            _cost(core),
            "## Registers, and how a layer is loaded\n",
            _registers(core),
        ]
    )


def _what(core: CoreConfig) -> str:
    return {
        "encoder": "Encodes feature maps into packets of memory words, whose number is known "
        "before any data is.",
        "decoder": "Decodes packets of memory words into feature maps.",
        "codec": "Encodes feature maps, keeps the words in a memory, and decodes them.",
        "projector": "Projects the channels of feature maps: a 1 × 1 convolution in integers, with "
        "one rounding, a multiplier a channel and a clamp.",
    }[core.block]


def _ports(core: CoreConfig) -> str:
    clock, reset = core.clock_pins
    taken, given = core.data_widths
    rows = [
        (f"`{clock}`", "1", "Clock: all else is synchronous to its rising edge."),
        (f"`{reset}`", "1", f"Reset: {_RESETS[core.reset]}."),
        ("`s_axis_*`", f"{taken}", f"AXI4-Stream in: {_content(core, 'decoder')}."),
        ("`m_axis_*`", f"{given}", f"AXI4-Stream out: {_content(core, 'encoder')}."),
    ]
    if core.bus == "axi-lite":
        rows.append(("`s_axil_*`", "32", f"AXI4-Lite, {core.address_width} bits of address."))
    else:
        rows.append(
            ("`wb_*`", "32", f"Wishbone, classic; {core.address_width - 2} bits of word address.")
        )
    return _table(("port", "data bits", "what it is"), rows)


def _content(core: CoreConfig, of_words: str) -> str:
    if core.block == of_words:
        return "memory words"
    lanes = core.codec.lanes
    return "samples" if lanes == 1 else f"{lanes} samples a beat"


def _beats(core: CoreConfig) -> str:
    codec = core.codec
    tile, lanes = codec.tile, codec.lanes
    size_in, size_out = core.sample_bytes
    if core.block == "projector":
        return _pixels(core)
    group = f"a tile of {tile} × {tile} pixels of every channel" + (
        ", or of 7 × 7 where the layer says so" if codec.sevens else ""
    )
    if core.raster is None:
        lines = [
            f"- A *tile group* is {group}. Samples come pixel by pixel in raster order, each "
            "pixel's channels one after the other"
            + (f"; a beat carries {lanes} neighbouring pixels of one channel" if lanes > 1 else "")
            + ".",
            "- A *packet* is as many tile groups as the layer says. `tlast` is high on its last "
            "beat.",
        ]
    else:
        lines = [
            "- A *packet* is a map, row by row: "
            + _ROWS[core.order]
            + (
                f". A beat carries {lanes} neighbouring pixels of one channel; behind the end of a "
                "row, its samples have no meaning"
                if lanes > 1
                else ""
            )
            + ". `tlast` is high on its last beat.",
            f"- It is stored in *tile groups*: {group}. Edges are repeated until they are whole, "
            "a cycle a beat, in which nothing comes or leaves outside.",
            f"- A row, padded to whole tiles, has at most {core.row_samples:,} samples, all "
            "channels counted; a map, "
            f"at most {LARGEST:,} rows. `height` and `width` are settings of its layer.",
        ]
    lines.append("- `tkeep` is all ones going out, and not looked at coming in.")
    if core.block != "decoder":
        lines.append(
            f"- A sample in has {codec.sample.width} bits, "
            f"{'signed' if codec.sample.signed else 'unsigned'}, on {size_in} byte"
            f"{'s' * (size_in > 1)}; bits above its own are not looked at. `tlast` is not looked "
            "at either: the layer says how long a packet is."
        )
    else:
        lines.append(
            "- `tlast` must be where the encoder had it: else the error `framing` is raised, and "
            "the packet after is sound again."
        )
    if core.block != "encoder":
        lines.append(
            f"- A sample out has {codec.restored.width} bits, signed, on {size_out} byte"
            f"{'s' * (size_out > 1)}, its sign repeated to the top."
        )
    return "\n".join(lines) + "\n"


def _pixels(core: CoreConfig) -> str:
    """Beats and packets of a projector."""
    sample = core.codec.sample
    order = "the pixels of a map" if core.raster else "the pixels of padded tiles, in tile groups,"
    return (
        "- A beat is a sample; a pixel's channels come and leave one after the other.\n"
        f"- A *packet* is as many pixels as the layer says: {order} as the layer is written below. "
        "`tlast` is high on its last beat, and not looked at coming in.\n"
        "- `tkeep` is all ones going out, and not looked at coming in.\n"
        f"- A sample has {sample.width} bits, {'signed' if sample.signed else 'unsigned'}, on "
        f"{core.sample_bytes[0]} byte{'s' * (core.sample_bytes[0] > 1)}; coming in, bits above its "
        "own are not looked at.\n"
    )


def _timing(core: CoreConfig) -> str:
    clock, _ = core.clock_pins
    codec = core.codec
    layer = usual_layer(codec)
    if core.block == "projector":
        channels, macs = codec.channels, codec.project_macs
        cycles = pixel_cycles(macs, channels, channels)
        return (
            f"A pixel of {channels} channels in and out takes {cycles} cycles of {macs} "
            "multipliers; one of "
            f"few outputs, as many as it has beats. From its first beat in to the first one out: "
            f"**{LATENCIES['project'](codec)} cycles**.\n"
        )
    return (
        f"One beat a clock in, and as many out as there are, with no bubble between packets; every "
        f"stream may pause at any time.\n\n"
        f"From the first beat in to the first one out: **{LATENCIES[core.block](codec)} cycles** "
        f"for a layer of {layer.channels} channels that keeps half of its coefficients. A tile "
        f"group of it takes {packet_cycles(codec, layer)} cycles.{_fronts(core)}\n\n"
        f"```text\n"
        f"{clock:<8}_/‾\\_/‾\\_/‾\\_/‾\\_/‾\\_/‾\\_/‾\\_\n"
        f"tvalid  ____/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\\_______\n"
        f"tready  ‾‾‾‾‾‾‾‾\\___/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\n"
        f"tdata   ----< A >< B    >< C >-------\n"
        f"moves         A         B   C        (tvalid and tready at a rising edge)\n"
        f"```\n"
    )


def _fronts(core: CoreConfig) -> str:
    """What maps by rows take more."""
    raster = core.raster
    if raster is None:
        return ""
    channels = min(usual_layer(core.codec).channels, raster.channels)
    width = core.row_samples // channels // core.codec.tile * core.codec.tile
    sides = {
        "encoder": f"{latency.raster(raster, width, channels):,} in front of the encoder",
        "decoder": f"{latency.unraster(raster, width, channels):,} behind the decoder",
    }
    more = " and ".join(sides[window.side] for window in core.windows)
    return (
        f" Rows take longer, for most of a row of tiles is awaited: with the longest rows, of "
        f"{width} pixels, {more}; and {latency.extent(width, core.codec.tile)} where a map has "
        "another size, or another layer, than the one before."
    )


def _cost(core: CoreConfig) -> str:
    codec = core.codec
    layer = usual_layer(codec)
    block = "project" if core.block == "projector" else core.block
    found, off = estimate(block, codec), errors(block)
    fabric = (
        f"Estimated for an ECP5: {found.luts:,} LUT, {found.flip_flops:,} flip-flops, {found.dsps} "
        f"multipliers, {found.brams} block RAMs; the bus is not counted{_memory(core)}. On "
        "circuits that the "
        f"estimate was not fitted to, LUT were off by {off['luts']['median']:.0%} at the median.\n"
    )
    if core.block == "projector":
        return fabric
    words, samples = packet_words(codec, layer), packet_samples(codec, layer)
    return (
        f"A tile group of that layer is {samples} samples, {samples * codec.sample.width} bits. It "
        f"is stored as {words} words, {words * codec.word_width} bits: "
        f"**{bits_per_value(codec, layer):.3f} bits a value, whatever the data**.\n\n{fabric}"
    )


def _memory(core: CoreConfig) -> str:
    """What rows cost, which the estimate does not know."""
    raster = core.raster
    if raster is None or core.block == "projector":
        return ""
    lanes = core.codec.lanes
    bits = {
        "encoder": lanes * core.codec.sample.width * (raster.depth + raster.row),
        "decoder": lanes * core.codec.restored.width * raster.depth,
    }
    whole = sum(bits[window.side] for window in core.windows)
    return f", nor are rows: {whole:,} bits of memory"


def _registers(core: CoreConfig) -> str:
    windows = "".join(
        f"- `{window.side}`: {window.size} bytes from 0x{window.base:X}\n"
        for window in core.windows
    )
    name = core.module
    options = _ordered(core, "--order {} --row-samples {}").replace(", ", " ")
    refused = "`SLVERR`" if core.bus == "axi-lite" else "`err`"
    return f"""\
Every register is described in `registers/{name}.md`, and for programs in `.rdl`, `.json` and `.h`
beside it.

{windows}
An access of 32 bits at a time; what can't be written or read ends with {refused}. Bytes of a
register that a write leaves out stay as they are. A word of a memory may be written in parts, one
after the other.

A layer is written to a shadow bank, and a write of {COMMIT} to `control` makes it take effect, as a
whole, at the next packet that begins:

1. read `status` until bit 1, `busy`, is zero;
2. write all settings and memories of the layer;
3. write {COMMIT} to `control`;
4. read `errors`: bit 0, `refused`, says that something was written while the bank was busy.

In Python, with a bundle that `tilefold calibrate` made, and any function `write(address, value)`:

```python
from tilefold.bundle import Bundle
from tilefold_hw.core import CoreConfig

bundle = Bundle.load("network.bundle")
core = CoreConfig(bundle.config, "{core.block}"{_ordered(core, "order={!r}, row_samples={}")})
for site in bundle.sites:
{_python(core)}```

In C, with the driver in `driver/`, the header in `registers/`, and another, made of the bundle:

```sh
tilefold export network.bundle --block {core.block} --name {name}{options} -o layers.h
```

```c
#include "tilefold.h"
#include "{name}.h"
#include "layers.h"

enum tilefold_result load_first_layer(volatile uint32_t *core)
{{
{_c(core)}}}
```
"""


def _python(core: CoreConfig) -> str:
    return "".join(
        f'    for address, value in core.writes("{window.side}", site.layer, '
        "(site.height, site.width)):\n"
        f"        write(0x{window.base:X} + 4 * address, value)\n"
        for window in core.windows
    )


def _ordered(core: CoreConfig, form: str) -> str:
    """What a call has to say more where maps come by rows."""
    return ", " + form.format(core.order, core.row_samples) if core.raster else ""


def _c(core: CoreConfig) -> str:
    name = core.module
    lines = ["    struct tilefold_bus bus = tilefold_mmio(core);\n"]
    for window in core.windows:
        base = f"{name.upper()}_{window.side.upper()}_BASE"
        lines.append(f"    struct tilefold_side {window.side} = {{bus, {base}}};\n")
    lines.append("    enum tilefold_result result = TILEFOLD_OK;\n\n")
    for window in core.windows:
        side = window.side
        lines.append("    if (result == TILEFOLD_OK)\n")
        lines.append(f"        result = tilefold_load(&{side}, &{name}_layers[0].{side}, 1000);\n")
    lines.append("    return result;\n")
    return "".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))
