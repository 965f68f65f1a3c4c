"""What a host writes to load a layer: an address and a value after the other, the commit last."""

from collections.abc import Iterator

from .budget import packet_words
from .check import require
from .config import CodecConfig
from .layer import Layer, Projection
from .raster import RasterConfig, tiles_across
from .regs import (
    COMMIT,
    PIXELS_WIDTH,
    RegisterMap,
    decoder_map,
    encoder_map,
    projector_map,
    table_stride,
    weight_stride,
    words_most,
)


def encoder_writes(
    config: CodecConfig,
    layer: Layer,
    raster: RasterConfig | None = None,
    size: tuple[int, int] = (0, 0),
) -> Iterator[tuple[int, int]]:
    """Yield the ``(address, value)`` that load *layer* into an encoder, the commit last.

    *size* is height and width of its maps, for one that has a front of *raster*.
    """
    layer.check(config)
    words = packet_words(config, layer)
    require(words, 1, words_most(config), "words of a packet")
    settings = {
        "channels": layer.channels,
        "groups": layer.groups,
        "words": words,
        "seven": int(layer.on(config).tile == 7),
    }
    if project := layer.project:
        low, high = project.clip.limits(config.sample)
        settings |= {"inputs": project.inputs, "project_low": low, "project_high": high}
    settings |= _sized(config, layer, raster, size, layer.channels_in)
    regs = encoder_map(config, raster)
    yield from _writes(config, regs, layer, settings)
    if project:
        yield from _projection_writes(config, regs, project, config.project_macs)
    yield regs.register("control").address, COMMIT


def decoder_writes(
    config: CodecConfig,
    layer: Layer,
    raster: RasterConfig | None = None,
    size: tuple[int, int] = (0, 0),
) -> Iterator[tuple[int, int]]:
    """Yield the ``(address, value)`` that load *layer* into a decoder, the commit last.

    *size* is height and width of its maps, for one that has a front of *raster*.
    """
    layer.check(config)
    low, high = layer.clip.limits(config.restored)
    settings = {
        "channels": layer.channels,
        "groups": layer.groups,
        "restore_low": low,
        "restore_high": high,
        "seven": int(layer.on(config).tile == 7),
    }
    if expand := layer.expand:
        low, high = expand.clip.limits(config.restored)
        settings |= {"outputs": expand.outputs, "expand_low": low, "expand_high": high}
    settings |= _sized(config, layer, raster, size, layer.channels_out)
    regs = decoder_map(config, raster)
    yield from _writes(config, regs, layer, settings)
    if expand:
        yield from _projection_writes(config, regs, expand, config.expand_macs)
    yield regs.register("control").address, COMMIT


def projector_writes(
    config: CodecConfig,
    layer: Layer,
    raster: RasterConfig | None = None,
    size: tuple[int, int] = (0, 0),
) -> Iterator[tuple[int, int]]:
    """Yield the ``(address, value)`` that load a layer's projection, the commit last.

    A packet is a map of *size* where maps come by rows, and else its padded tiles.
    """
    layer.check(config)
    regs = projector_map(config)
    project = layer.project
    assert project is not None  # a layer of a configuration that has a projector has a projection
    height, width = size
    pixels = height * width if raster else layer.groups * layer.on(config).pixels
    require(pixels, 1, (1 << PIXELS_WIDTH) - 1, "pixels of a packet")
    low, high = project.clip.limits(config.sample)
    settings = {
        "inputs": project.inputs,
        "outputs": project.outputs,
        "pixels": pixels,
        "project_low": low,
        "project_high": high,
    }
    yield from _setting_writes(regs, settings)
    yield from _projection_writes(config, regs, project, config.project_macs)
    yield regs.register("control").address, COMMIT


def _sized(
    config: CodecConfig,
    layer: Layer,
    raster: RasterConfig | None,
    size: tuple[int, int],
    channels: int,
) -> dict[str, int]:
    """Settings of a front for maps by rows, if there is one."""
    if raster is None:
        return {}
    tile = layer.on(config).tile
    raster.check(channels, size, tile)
    height, width = size
    groups = tiles_across(height, tile) * tiles_across(width, tile)
    if layer.groups != groups:
        raise ValueError(
            f"groups must be {groups}, the tiles of {height} × {width} pixels, not {layer.groups}"
        )
    return {"height": height, "width": width}


def _writes(
    config: CodecConfig, regs: RegisterMap, layer: Layer, settings: dict[str, int]
) -> Iterator[tuple[int, int]]:
    yield from _setting_writes(regs, settings)
    memory = regs.memory("index")
    for channel, number in enumerate(layer.index):
        yield memory.address + channel, number
    memory = regs.memory("table")
    for number, table in enumerate(layer.tables):
        base = memory.address + number * table_stride(config)
        for n, (width, shift) in enumerate(zip(table.widths, table.shifts, strict=True)):
            yield base + n, shift << 5 | width


def _setting_writes(regs: RegisterMap, settings: dict[str, int]) -> Iterator[tuple[int, int]]:
    for reg in regs.settings:
        yield reg.address, settings[reg.name] & ((1 << reg.width) - 1)


def _projection_writes(
    config: CodecConfig, regs: RegisterMap, projection: Projection, macs: int
) -> Iterator[tuple[int, int]]:
    memory = regs.memory("weights")
    for output, row in enumerate(projection.weights):
        block, lane = divmod(output, macs)
        for n, weight in enumerate(row):
            place = (block * config.channels + n) * weight_stride(macs) + lane
            yield memory.address + place, weight & ((1 << memory.width) - 1)
    for name in ("biases", "scales", "shifts"):
        memory = regs.memory(name)
        for output, value in enumerate(getattr(projection, name)):
            yield memory.address + output, value & ((1 << memory.width) - 1)
