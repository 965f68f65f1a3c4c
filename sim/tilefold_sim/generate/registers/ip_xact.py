"""The register map of a core in IP-XACT (IEEE 1685-2014)."""

import tempfile
from pathlib import Path

from tilefold_hw.core import CoreConfig
from tilefold_hw.regs import ENCODER

from .system_rdl import system_rdl


def ip_xact(core: CoreConfig) -> str:
    """Describe the registers of a core in IP-XACT, made of its SystemRDL.

    A component with one memory map, whose address blocks are the registers of each side, and each
    memory.

    Raises
    ------
    ValueError
        If the libraries of the extra ``registers`` are not installed.
    """
    try:
        from peakrdl_ipxact import IPXACTExporter
        from systemrdl.compiler import RDLCompiler
    except ModuleNotFoundError as error:
        # As any verb may ask for it, `tilefold` could not tell which extra is missing.
        raise ValueError(
            f"IP-XACT needs {error.name}, which is not installed: pip install 'tilefold[registers]'"
        ) from error

    # Both libraries work on files alone.
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "registers.rdl"), Path(folder, "registers.xml")
        source.write_text(system_rdl(core), encoding="utf-8")
        compiler = RDLCompiler()
        compiler.compile_file(str(source))
        exporter = IPXACTExporter(vendor="tilefold", library="cores", version=f"{ENCODER >> 16}.0")
        exporter.export(compiler.elaborate(core.module), str(made), component_name=core.module)
        return made.read_text(encoding="utf-8")
