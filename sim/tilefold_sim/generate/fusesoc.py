"""FuseSoC's description of a core: CAPI2, in the YAML that it reads."""

import json
from importlib.metadata import version

from tilefold_hw.core import CoreConfig


def description(core: CoreConfig) -> str:
    """Write the description: the core, and its testbench in Icarus Verilog and Verilator.

    Source
    ------
    FuseSoC, *CAPI2 reference*.
    """
    name = core.module
    about = json.dumps(f"{core.block} of Tilefold: compresses the activations of neural networks")
    vectors = "".join(
        f"      - vectors/{each}.hex: {{file_type: user, copyto: vectors/{each}.hex}}\n"
        for each in ("writes", "inputs", "outputs", "ends")
    )
    return f"""\
CAPI=2:
name: "tilefold::{name}:{version("tilefold")}"
description: {about}

filesets:
  rtl:
    files:
      - {name}.v: {{file_type: verilogSource-2005}}
  tb:
    files:
      - tb_{name}.v: {{file_type: verilogSource-2005}}
{vectors}
targets:
  default: &default
    filesets: [rtl]
    toplevel: {name}
  sim:
    <<: *default
    description: Play the vectors, and compare every beat
    filesets: [rtl, tb]
    toplevel: tb_{name}
    default_tool: icarus
    tools:
      icarus:
        iverilog_options: [-g2005]
      verilator:
        mode: binary
        verilator_options: [--timing, -Wno-fatal]
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wno-fatal]
"""
