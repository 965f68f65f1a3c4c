"""A bundle as a C header: the writes that load its layers, for the driver on bare metal."""

import re
from collections.abc import Iterable, Iterator

from tilefold.bundle import Bundle, Site
from tilefold_hw.budget import packet_words
from tilefold_hw.core import SIDES, CoreConfig, Window

# Pairs of offset and value on a line.
_ROW = 4

_LEAD = """\
A layer is loaded by tilefold_load, and found in {module}_layers by its
{prefix}_LAYER_ number. A name there is the network's own, in capitals, with an underscore
for what C does not take; where two become the same, the later one ends with _2, _3 and so on. An
offset counts bytes from the first register of its side."""


def export(bundle: Bundle, core: CoreConfig) -> str:
    """Write the layers of a bundle as a C header, for ``tilefold.h``.

    It holds for every site and side an array of what is written, the commit left out, and an array
    of the layers. The same bundle gives the same bytes.

    Parameters
    ----------
    bundle : Bundle
    core : CoreConfig
        What the layers are for. Sides that it lacks are left out; names begin with its module's.

    Raises
    ------
    ValueError
        If the core is built with another configuration, or the bundle has no site.
    """
    if core.codec != bundle.config:
        raise ValueError(
            f"core must have the bundle's configuration {bundle.config.digest[:12]}, "
            f"not {core.codec.digest[:12]}"
        )
    if not bundle.sites:
        raise ValueError("bundle must have a site, not none")
    bundle.check()
    return "\n".join(_header(bundle, core)) + "\n"


def identifiers(names: Iterable[str]) -> list[str]:
    """Give each name an identifier's part in lower case, of its own.

    What is no letter, digit or underscore of ASCII becomes an underscore. Where that is taken, the
    later one ends with ``_2``, ``_3`` and so on, the first that is free.

    >>> identifiers(["conv1", "layer1.0/relu", "Conv1"])
    ['conv1', 'layer1_0_relu', 'conv1_2']
    """
    given: list[str] = []
    for name in names:
        plain = chosen = re.sub(r"[^a-z0-9_]", "_", name.lower())
        number = 2
        while chosen in given:
            chosen = f"{plain}_{number}"
            number += 1
        given.append(chosen)
    return given


def side_writes(core: CoreConfig, window: Window, site: Site) -> list[tuple[int, int]]:
    """Return what loads a site on one side: byte offset there and value, without the commit."""
    control = window.regs.register("control").address
    writes = core.writes(window.side, site.layer, (site.height, site.width))
    return [(4 * address, value) for address, value in writes if address != control]


def _header(bundle: Bundle, core: CoreConfig) -> Iterator[str]:
    module, prefix = core.module, core.module.upper()
    parts = identifiers(site.name for site in bundle.sites)
    yield f"/* Layers for {module}, configuration"
    yield f" * {core.codec.digest}."
    yield " *"
    for line in _LEAD.format(module=module, prefix=prefix).splitlines():
        yield f" * {line}"
    yield " */"
    yield f"#ifndef {prefix}_LAYERS_H"
    yield f"#define {prefix}_LAYERS_H"
    yield ""
    yield '#include "tilefold.h"'
    yield ""
    yield "/* SHA-256 of the configuration, in words, the first hex digits first. */"
    yield f"static const uint32_t {module}_digest[8] = {{"
    yield f"    {', '.join(map(_number, _digest(core)[:4]))},"
    yield f"    {', '.join(map(_number, _digest(core)[4:]))}"
    yield "};"
    yield ""
    yield f"#define {prefix}_LAYERS {len(parts)}u"
    for number, (part, site) in enumerate(zip(parts, bundle.sites, strict=True)):
        yield f"#define {prefix}_LAYER_{part.upper()} {number}u /* {_quoted(site.name)} */"
    layers = []
    for part, site in zip(parts, bundle.sites, strict=True):
        sides = {}
        for window in core.windows:
            array = f"{module}_{part}_{window.side}"
            writes = side_writes(core, window, site)
            yield ""
            yield f"static const struct tilefold_write {array}[{len(writes)}] = {{"
            yield from _rows(writes)
            yield "};"
            version, digest = (window.regs.register(name).reset for name in ("version", "digest"))
            sides[window.side] = f"{{{version:#x}u, {digest:#x}u, {array}, {len(writes)}u}}"
        layers.append(_layer(core, site, sides))
    yield ""
    yield f"static const struct tilefold_layer {module}_layers[{prefix}_LAYERS] = {{"
    yield ",\n".join(layers)
    yield "};"
    yield ""
    yield f"#endif /* {prefix}_LAYERS_H */"


def _layer(core: CoreConfig, site: Site, sides: dict[str, str]) -> str:
    layer = site.layer
    numbers = (
        layer.groups,
        packet_words(core.codec, layer),
        layer.on(core.codec).tile,
        layer.channels_in,
        layer.channels,
        layer.channels_out,
    )
    settings = ",\n     ".join(sides.get(side, "{0, 0, NULL, 0}") for side in SIDES)
    shown = ", ".join(f"{number}u" for number in numbers)
    return f"    {{{_quoted(site.name)}, {shown},\n     {settings}}}"


def _rows(writes: list[tuple[int, int]]) -> Iterator[str]:
    for start in range(0, len(writes), _ROW):
        pairs = (f"{{{offset:#x}u, {value:#x}u}}" for offset, value in writes[start : start + _ROW])
        yield f"    {', '.join(pairs)},"


def _digest(core: CoreConfig) -> list[int]:
    return [int(core.codec.digest[8 * n : 8 * n + 8], 16) for n in range(8)]


def _number(value: int) -> str:
    return f"{value:#010x}u"


def _quoted(text: str) -> str:
    """Text as a string of C, in UTF-8. A question mark could begin a trigraph."""
    plain = (
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(plain)}"'
