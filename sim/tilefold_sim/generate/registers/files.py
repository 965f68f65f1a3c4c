"""The files that describe a core's registers."""

from importlib.util import find_spec

from tilefold_hw.core import CoreConfig

from .c_header import c_header
from .ip_xact import ip_xact
from .json_map import json_map
from .markdown import markdown
from .system_rdl import system_rdl

_WRITERS = {"md": markdown, "rdl": system_rdl, "h": c_header, "json": json_map}


def register_files(core: CoreConfig) -> dict[str, str]:
    """Make the files that describe the registers of a core, by name.

    IP-XACT is one of them where the extra ``registers`` is installed.
    """
    writers = dict(_WRITERS)
    if find_spec("peakrdl_ipxact"):
        writers["xml"] = ip_xact
    return {f"{core.module}.{suffix}": write(core) for suffix, write in writers.items()}
