"""What Verilator may warn of in a core, and why that is no matter: its waivers, in a file."""

from tilefold_hw.core import CoreConfig

WAIVERS = {
    "CASEOVERLAP": "Yosys writes a choice of which only one can apply as a casez of single bits.",
    "DECLFILENAME": "The file holds the module of a memory, too: of an ASIC's macro.",
    "PROCASSINIT": "A register has a value from the beginning, where an FPGA gives it one.",
    "SYNCASYNCNET": "A reset that acts at once is the enable of registers of products, too, which "
    "iCE40 needs: what they hold in a reset is looked at by nobody.",
    "UNUSEDSIGNAL": "Not all bits of a bus or of a sum are looked at: tkeep, prot, carries.",
    "WIDTHEXPAND": "Yosys writes constants no wider than they are; Verilog adds zeros.",
    "WIDTHTRUNC": "Yosys writes ! of several bits where none of them may be one.",
}
"""Rules that are waived, and the reasons."""


def waivers(core: CoreConfig) -> str:
    """Write the waivers, as ``verilator --lint-only -Wall NAME.vlt NAME.v`` reads them."""
    rules = "".join(
        f'// {reason}\nlint_off -rule {rule} -file "*{core.module}.v"\n'
        for rule, reason in WAIVERS.items()
    )
    return f"`verilator_config\n{rules}"
