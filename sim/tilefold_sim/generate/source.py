"""The core in Verilog: a header, ports in the order in which one reads them, then the netlist."""

import re
from importlib.metadata import version

from tilefold_gateware.core import Core
from tilefold_gateware.store import MACRO, MACRO_VERILOG, Asic
from tilefold_gateware.verilog import to_verilog
from tilefold_hw.core import CoreConfig

_HEADER = """\
// SPDX-License-Identifier: {licence}
//
// {module}: {what} of Tilefold {version}.
// What Tilefold generates carries no obligation: use it under any terms.
//
// configuration {digest}
{configuration}"""

_GROUPS = {
    "s_axis_": "{taken} in: AXI4-Stream",
    "m_axis_": "{given} out: AXI4-Stream",
    "s_axil_": "registers: AXI4-Lite",
    "wb_": "registers: Wishbone",
}

_KINDS = {
    "encoder": "encoder",
    "decoder": "decoder",
    "codec": "encoder, memory and decoder",
    "projector": "projector (1 x 1 convolution)",
}

LICENCE = "0BSD"
"""Of what is generated: SPDX's name for a licence that asks for nothing."""


def source(core: CoreConfig) -> str:
    """Write the core as one Verilog file that needs no other."""
    asic = core.target == "asic"
    component = Core(core)
    text = to_verilog(component, core.module, asic=asic, platform=Asic() if asic else None)
    text = text[text.index("module ") :]
    listed, body = re.fullmatch(r"module \w+\((.*?)\);\n(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    pins = {pin.strip() for pin in listed.split(",")}
    ports = [pin for pin in component.signature.members if pin in pins]
    declared = {
        name: f"  {way} {width}{name};\n"
        for way, width, name in re.findall(
            r"^  (input|output) (\[\d+:0\] )?(\w+);\n", body, re.MULTILINE
        )
    }
    body = re.sub(r"^  (?:input|output) (?:\[\d+:0\] )?\w+;\n", "", body, flags=re.MULTILINE)
    # A memory of an ASIC has no first content, as its registers have none.
    body = _INITIAL.sub("" if asic else _loop, _plain(body))
    return "".join(
        [
            _header(core),
            f"module {core.module} (\n",
            _grouped(core, ports),
            ");\n",
            *(declared[pin] for pin in ports),
            body,
            f"\n{MACRO_VERILOG}" if MACRO in body else "",
        ]
    )


_INITIAL = re.compile(r"  initial begin\n((?:    \w+ ?\[\d+\] = [^;]+;\n)+)  end\n")


def _loop(found: re.Match[str]) -> str:
    """Clear a memory in a loop, where Yosys clears every word by itself."""
    words = re.findall(r"(\w+) ?\[\d+\] = \d+'[hd](\w+);", found[1])
    names = {name for name, _ in words}
    if len(names) != 1 or any(int(value, 16) for _, value in words):
        return found[0]
    (name,) = names
    return (
        f"  initial begin : {name}__clear\n"
        "    integer k;\n"
        f"    for (k = 0; k < {len(words)}; k = k + 1) {name}[k] = 0;\n"
        "  end\n"
    )


def _plain(text: str) -> str:
    """Give what needs an escaped name one that needs none."""
    taken = set(re.findall(r"(?<![\\\w.$])[A-Za-z_]\w*", text))
    names: dict[str, str] = {}

    def rename(found: re.Match[str]) -> str:
        old = found[1]
        if old not in names:
            new = plain = re.sub(r"\W+", "_", old.replace(".", "__")).strip("_")
            number = 1
            while new in taken:
                number += 1
                new = f"{plain}_{number}"
            taken.add(new)
            names[old] = new
        return names[old]

    return re.sub(r"\\(\S+) ", rename, text)


def _header(core: CoreConfig) -> str:
    return _HEADER.format(
        licence=LICENCE,
        module=core.module,
        what=_KINDS[core.block],
        version=version("tilefold"),
        digest=core.codec.digest,
        configuration="".join(f"//   {line}\n" for line in settings(core).splitlines() if line),
    )


def settings(core: CoreConfig) -> str:
    """All that the core is built of, a line each."""
    own = ["block", "bus", "reset", "target", "order"]
    if core.raster:
        own.append("row_samples")
    return "".join(f"{name} = {getattr(core, name)}\n" for name in own) + core.codec.to_toml()


def _grouped(core: CoreConfig, ports: list[str]) -> str:
    taken, given = ("words" if core.block == side else "samples" for side in ("decoder", "encoder"))
    lines, before = [], None
    for number, pin in enumerate(ports):
        prefix = next((each for each in _GROUPS if pin.startswith(each)), "")
        if prefix and prefix != before:
            lines.append(f"  // {_GROUPS[prefix].format(taken=taken, given=given)}\n")
        before = prefix
        lines.append(f"  {pin}{',' if number + 1 < len(ports) else ''}\n")
    return "".join(lines)
