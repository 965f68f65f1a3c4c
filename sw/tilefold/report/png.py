"""Greyscale pictures as PNG, small enough to stand inside a page."""

import base64
import struct
import zlib
from collections.abc import Sequence


def png(rows: Sequence[Sequence[int]]) -> bytes:
    """Write grey values, 0 to 255, as a PNG of 8 bits a pixel.

    Source
    ------
    ISO/IEC 15948 (PNG), with no filter and no optional chunk.
    """
    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = b"".join(b"\0" + bytes(row) for row in rows)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def data_uri(rows: Sequence[Sequence[int]]) -> str:
    """Return the picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png(rows)).decode("ascii")
