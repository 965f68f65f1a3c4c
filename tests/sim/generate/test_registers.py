"""The register map in other forms: each is read by another's hand and compared with the map."""

import json
import re
import sys
from dataclasses import replace
from functools import cache
from itertools import product
from xml.etree import ElementTree

import pytest
from c_compiler import C99, CPP, printed
from systemrdl.compiler import RDLCompiler
from systemrdl.node import AddrmapNode, FieldNode, MemNode, RegNode
from systemrdl.rdltypes import AccessType, OnWriteType

from tilefold_hw.config import PRESETS, CodecConfig
from tilefold_hw.core import BLOCKS, CoreConfig
from tilefold_hw.fields import Field
from tilefold_hw.regs import Access, Memory, Register, RegisterMap
from tilefold_sim.generate.registers.files import register_files
from tilefold_sim.generate.registers.ip_xact import ip_xact
from tilefold_sim.generate.registers.words import ascii_only

CODECS = {
    **PRESETS,
    "projected": CodecConfig(channels=11, tables=5, project_macs=3, expand_macs=5, sevens=True),
}
CORES = {
    f"{name}-{block}": CoreConfig(codec, block)
    for (name, codec), block in product(CODECS.items(), BLOCKS)
    if block != "projector" or codec.project_macs
}
every_core = pytest.mark.parametrize("core", CORES.values(), ids=CORES)

# Software, hardware, what writing ones does, and whether it lasts a cycle.
RDL = {
    Access.R: (AccessType.r, AccessType.w, None, False),
    Access.W1: (AccessType.rw, AccessType.r, None, True),
    Access.W1C: (AccessType.rw, AccessType.r, OnWriteType.woclr, False),
    Access.SHADOW: (AccessType.rw, AccessType.r, None, False),
}

IP_XACT = "{http://www.accellera.org/XMLSchema/IPXACT/1685-2014}"


files = cache(register_files)


def written(core, suffix):
    return files(core)[f"{core.module}.{suffix}"]


def whole(width):
    """What a register without names has: one field."""
    return (Field("value", 0, width, ""),)


def reset_of(field, register):
    return None if register.reset is None else (register.reset & field.mask) >> field.lsb


def test_the_same_core_gives_the_same_files():
    first, second = (register_files(CoreConfig(PRESETS["tiny"], name="squeeze")) for _ in range(2))
    assert first == second
    names = ["squeeze.md", "squeeze.rdl", "squeeze.h", "squeeze.json", "squeeze.xml"]
    assert list(first) == names
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in first.values())


class TestSystemRDL:
    @staticmethod
    def top(core, tmp_path, *others):
        compiler = RDLCompiler()
        for number, each in enumerate((core, *others)):
            path = tmp_path / f"{number}.rdl"
            path.write_text(written(each, "rdl"), encoding="ascii")
            compiler.compile_file(str(path))
        return compiler.elaborate(core.module).top

    @every_core
    def test_holds_all_registers_and_memories_and_nothing_else(self, core, tmp_path):
        top = self.top(core, tmp_path)
        assert top.inst_name == core.module
        names = []
        for window in core.windows:
            names += [window.side, *(f"{window.side}_{each.name}" for each in window.regs.memories)]
            side = top.get_child_by_name(window.side)
            assert isinstance(side, AddrmapNode)
            assert side.absolute_address == window.base
            registers = window.regs.registers
            assert [each.inst_name for each in side.children()] == [each.name for each in registers]
            for register in registers:
                self.check_register(side.get_child_by_name(register.name), window, register)
            for memory in window.regs.memories:
                node = top.get_child_by_name(f"{window.side}_{memory.name}")
                self.check_memory(node, window, memory)
        assert [each.inst_name for each in top.children()] == names

    @staticmethod
    def check_register(node, window, register):
        assert isinstance(node, RegNode)
        assert node.absolute_address == window.base + 4 * register.address
        assert node.size == 4
        assert node.get_property("desc").startswith(ascii_only(register.doc))
        assert node.get_property("desc").lower().endswith(f" {ACCESS[register.access]}.")
        assert ("Two's complement" in node.get_property("desc")) == register.signed
        expected = register.fields or whole(register.width)
        assert [each.inst_name for each in node.fields()] == [each.name for each in expected]
        sw, hw, onwrite, pulse = RDL[register.access]
        for field in expected:
            found = node.get_child_by_name(field.name)
            assert (found.lsb, found.width) == (field.lsb, field.width)
            assert found.get_property("sw") is sw
            assert found.get_property("hw") is (AccessType.na if register.constant else hw)
            assert found.get_property("onwrite") is onwrite
            assert found.get_property("singlepulse") == pulse
            assert bool(found.get_property("hwset")) == (register.access is Access.W1C)
            assert found.get_property("reset") == reset_of(field, register)
            assert (found.get_property("desc") or "") == field.doc

    @staticmethod
    def check_memory(node, window, memory):
        assert isinstance(node, MemNode)
        assert node.external
        assert node.absolute_address == window.base + 4 * memory.address
        assert node.get_property("mementries") == memory.depth
        assert node.get_property("memwidth") == 32
        assert node.size == 4 * memory.depth
        assert node.get_property("sw") is AccessType.w
        assert node.get_property("desc") == f"{ascii_only(memory.doc)} Write only, shadowed."
        (entry,) = node.children()
        assert (entry.inst_name, entry.array_dimensions) == ("entry", [memory.depth])
        assert (entry.raw_address_offset, entry.array_stride) == (0, 4)
        found = [(each.inst_name, each.lsb, each.width) for each in entry.fields()]
        expected = memory.fields or whole(memory.width)
        assert found == [(each.name, each.lsb, each.width) for each in expected]
        assert all(isinstance(each, FieldNode) for each in entry.fields())
        assert all(each.get_property("sw") is AccessType.w for each in entry.fields())

    @pytest.mark.parametrize("name", ["reg", "addrmap", "w1", "encoder", "Value"])
    def test_a_module_may_be_called_what_the_language_calls_something(self, name, tmp_path):
        assert self.top(CoreConfig(PRESETS["tiny"], name=name), tmp_path).inst_name == name

    def test_files_of_two_cores_can_be_compiled_together(self, tmp_path):
        codec = PRESETS["tiny"]
        first, second = CoreConfig(codec, "encoder"), CoreConfig(codec, "decoder")
        assert self.top(first, tmp_path, second).inst_name == first.module


class TestHeader:
    @staticmethod
    def expected(core):
        """All macros by name, without the prefix."""
        codec, digest = core.codec, bytes.fromhex(core.codec.digest)
        yield "SIZE", 1 << core.address_width
        for name in ("sample_width", "sample_signed", "tile", "lanes", "channels", "tables"):
            yield name.upper(), int(getattr(codec, name))
        yield "WORD_WIDTH", codec.word_width
        for n in range(8):
            yield f"DIGEST_{n}", int.from_bytes(digest[4 * n : 4 * n + 4], "big")
        for window in core.windows:
            side = window.side.upper()
            yield f"{side}_BASE", window.base
            yield f"{side}_SIZE", window.size
            for each in (*window.regs.registers, *window.regs.memories):
                name = f"{side}_{each.name.upper()}"
                yield f"{name}_OFFSET", window.base + 4 * each.address
                yield f"{name}_BITS", each.width
                if isinstance(each, Memory):
                    yield f"{name}_DEPTH", each.depth
                    yield f"{name}_STRIDE", 4 * each.stride
                elif each.reset is not None:
                    yield f"{name}_RESET", each.reset
                if not each.fields:
                    yield f"{name}_MASK", 2**each.width - 1
                for field in each.fields:
                    mask = sum(1 << bit for bit in range(field.lsb, field.lsb + field.width))
                    yield f"{name}_{field.name.upper()}_MASK", mask
                    yield f"{name}_{field.name.upper()}_SHIFT", field.lsb

    @every_core
    def test_a_program_prints_what_the_map_says(self, core, tmp_path):
        self.check(core, tmp_path, C99)

    def test_cpp_reads_it_too(self, tmp_path):
        self.check(CORES["projected-codec"], tmp_path, CPP)

    def check(self, core, folder, command):
        prefix = core.module.upper()
        expected = {f"{prefix}_{name}": value for name, value in self.expected(core)}
        text = written(core, "h")
        assert set(re.findall(r"^#define (\w+) ", text, re.MULTILINE)) == set(expected)
        assert len(re.findall(r"^#define (\w+) ", text, re.MULTILINE)) == len(expected)
        # Twice, as the guard allows; and with the preprocessor, which knows no casts.
        (folder / "core.h").write_text(text, encoding="ascii")
        body = '#include "core.h"\n' + "".join(
            f'#if {name} != {value}u\n#error {name}\n#endif\nprintf("%u\\n", {name});\n'
            for name, value in expected.items()
        )
        assert printed(command, folder, "core.h", body) == [str(each) for each in expected.values()]

    def test_macros_of_a_core_called_as_the_driver_do_not_meet_it(self, tmp_path):
        from c_compiler import compiled, place_driver

        place_driver(tmp_path)
        core = CoreConfig(PRESETS["tiny"], name="tilefold")
        (tmp_path / "core.h").write_text(written(core, "h"))
        source = '#include "core.h"\n#include "tilefold.h"\n#include "tilefold.c"\n'
        (tmp_path / "both.c").write_text(source)
        compiled(C99, tmp_path, "-c", "both.c")


@every_core
def test_the_page_has_a_row_for_each_register_and_bit(core):
    page = written(core, "md")
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]
    for window in core.windows:
        for register in window.regs.registers:
            at = window.base + 4 * register.address
            (row,) = (row for row in rows if is_at(row, at))
            assert row[1:3] == [register.name, str(register.width)]
            assert row[3] == ("constant" if register.constant else ACCESS[register.access])
            assert int(row[4], 16) == register.reset
            assert row[5].startswith(register.doc)
        for memory in window.regs.memories:
            (row,) = (row for row in rows if is_at(row, window.base + 4 * memory.address))
            group = str(4 * memory.stride) if memory.stride > 1 else ""
            assert row[1:] == [
                memory.name,
                str(memory.depth),
                str(memory.width),
                group,
                memory.doc,
            ]
        for each in (*window.regs.registers, *window.regs.memories):
            for field in each.fields:
                bits = f"{field.lsb + field.width - 1}:{field.lsb}"
                place = str(field.lsb) if field.width == 1 else bits
                assert [place, field.name, field.doc] in rows
    places = [row for row in rows if row[0].startswith("0x")]
    assert len(places) == sum(
        len(window.regs.registers) + len(window.regs.memories) for window in core.windows
    )


ACCESS = {
    Access.R: "read only",
    Access.W1: "write ones to act, reads as zero",
    Access.W1C: "write ones to clear",
    Access.SHADOW: "read and write, shadowed",
}


def is_at(row, address):
    return row[0].startswith("0x") and int(row[0], 16) == address


JSON_ACCESS = {
    "read": Access.R,
    "write-one-to-act": Access.W1,
    "write-one-to-clear": Access.W1C,
    "shadow": Access.SHADOW,
}


@every_core
def test_the_map_can_be_made_again_of_the_json(core):
    document = json.loads(written(core, "json"))
    assert document["format"] == "tilefold-registers 1"
    assert (document["module"], document["block"]) == (core.module, core.block)
    assert document["address_width"] == core.address_width
    assert document["digest"] == core.codec.digest
    assert CodecConfig.from_dict(document["config"]) == core.codec
    for window, side in zip(core.windows, document["sides"], strict=True):
        assert (side["side"], side["address"], side["size"]) == (
            window.side,
            window.base,
            window.size,
        )
        registers, memories = [], []
        for each in side["registers"]:
            assert each["address"] == window.base + each["offset"]
            assert each["shadowed"] == (each["access"] == "shadow")
            registers.append(
                Register(
                    each["name"],
                    each["offset"] // 4,
                    each["width"],
                    JSON_ACCESS[each["access"]],
                    each["doc"],
                    each["signed"],
                    each["reset"],
                    each["constant"],
                    tuple(Field(**field) for field in each["fields"]),
                )
            )
        for each in side["memories"]:
            assert each["address"] == window.base + each["offset"]
            assert (each["access"], each["shadowed"]) == ("write", True)
            memories.append(
                Memory(
                    each["name"],
                    each["offset"] // 4,
                    each["depth"],
                    each["width"],
                    each["doc"],
                    each["stride"] // 4,
                    tuple(Field(**field) for field in each["fields"]),
                )
            )
        assert RegisterMap(tuple(registers), tuple(memories)) == window.regs


def test_ip_xact_is_left_out_where_its_library_is_absent(monkeypatch):
    monkeypatch.setattr("tilefold_sim.generate.registers.files.find_spec", lambda name: None)
    assert list(register_files(CORES["tiny-encoder"])) == [
        f"tilefold_encoder.{suffix}" for suffix in ("md", "rdl", "h", "json")
    ]


class TestIPXACT:
    @staticmethod
    def number(node, tag):
        text = node.findtext(IP_XACT + tag)
        return int(text.removeprefix("'h"), 16 if text.startswith("'h") else 10)

    @every_core
    def test_has_all_registers_and_memories_at_their_addresses(self, core):
        root = ElementTree.fromstring(ip_xact(core).encode())
        assert root.findtext(IP_XACT + "name") == core.module
        blocks = {
            block.findtext(IP_XACT + "name"): block for block in root.iter(IP_XACT + "addressBlock")
        }
        names = set()
        for window in core.windows:
            names.add(window.side)
            block = blocks[window.side]
            assert self.number(block, "baseAddress") == window.base
            found = {
                each.findtext(IP_XACT + "name"): each
                for each in block.findall(IP_XACT + "register")
            }
            assert found.keys() == {each.name for each in window.regs.registers}
            for register in window.regs.registers:
                node = found[register.name]
                assert self.number(node, "addressOffset") == 4 * register.address
                self.check_fields(node, register)
            for memory in window.regs.memories:
                names.add(f"{window.side}_{memory.name}")
                block = blocks[f"{window.side}_{memory.name}"]
                assert self.number(block, "baseAddress") == window.base + 4 * memory.address
                assert self.number(block, "range") == 4 * memory.depth
                assert block.findtext(IP_XACT + "usage") == "memory"
                assert block.findtext(IP_XACT + "access") == "write-only"
        assert blocks.keys() == names

    def check_fields(self, node, register):
        fields = register.fields or whole(register.width)
        access = "read-only" if register.access is Access.R else "read-write"
        for found, field in zip(node.findall(IP_XACT + "field"), fields, strict=True):
            assert found.findtext(IP_XACT + "name") == field.name
            assert self.number(found, "bitOffset") == field.lsb
            assert self.number(found, "bitWidth") == field.width
            assert found.findtext(IP_XACT + "access") == access
            value = found.findtext(f"{IP_XACT}resets/{IP_XACT}reset/{IP_XACT}value")
            assert int(value.removeprefix("'h"), 16) == reset_of(field, register)

    def test_is_the_same_each_time(self):
        core = CoreConfig(PRESETS["tiny"], name="reg")
        assert ip_xact(core) == ip_xact(replace(core))

    @pytest.mark.parametrize("module", ["peakrdl_ipxact", "systemrdl"])
    def test_names_the_extra_that_is_missing(self, module, monkeypatch):
        for name in [each for each in sys.modules if each.partition(".")[0] == module]:
            monkeypatch.setitem(sys.modules, name, None)
        sentence = (
            rf"IP-XACT needs {module}, which is not installed: pip install 'tilefold\[registers\]'"
        )
        with pytest.raises(ValueError, match=f"^{sentence}$"):
            ip_xact(CORES["tiny-codec"])
