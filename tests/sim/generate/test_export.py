"""Bundles as C headers: compiled, loaded by the driver, and run on the simulated gateware."""

import ctypes
import re
from dataclasses import replace

import numpy as np
import pytest
from c_bank import OK, Bank, Bus, Layer, Side, library
from c_compiler import C99, CPP, compiled, place_driver
from click.testing import CliRunner

from tilefold.bundle import Bundle, Site
from tilefold.cli import Failure
from tilefold.model.reorder import from_beats
from tilefold_hw.budget import packet_words
from tilefold_hw.config import CodecConfig, preset
from tilefold_hw.core import CoreConfig
from tilefold_hw.layer import Clip, Projection
from tilefold_hw.layer import Layer as Settings
from tilefold_hw.table import uniform
from tilefold_hw.writes import decoder_writes, encoder_writes
from tilefold_sim.cases import random_case
from tilefold_sim.compiled import CompiledCodec
from tilefold_sim.generate.export import export, identifiers
from tilefold_sim.generate.export_verb import export as verb
from tilefold_sim.rig import beats

CONFIG = CodecConfig(channels=8, tables=4, project_macs=4, expand_macs=2, sevens=True)
CORE = CoreConfig(CONFIG)
WRITES = {"encoder": encoder_writes, "decoder": decoder_writes}
NAMES = ("conv1", "Conv1", 'stage.1 "é"\\??!\n', "conv1_2", "a*b", "count", "2d")


def projection(outputs, inputs):
    rng = np.random.default_rng(outputs)
    return Projection(
        weights=tuple(map(tuple, rng.integers(-128, 128, (outputs, inputs)).tolist())),
        biases=tuple(rng.integers(-1000, 1000, outputs).tolist()),
        scales=tuple(rng.integers(0, 1 << 16, outputs).tolist()),
        shifts=tuple(rng.integers(0, 48, outputs).tolist()),
    )


def site(name, number):
    tile = (8, 7)[number % 2]
    layer = Settings(
        groups=number + 1,
        tables=(uniform(tile, 8, 3), uniform(tile, 3 + number, 5)),
        index=(0, 1, 0),
        clip=Clip(-number, 200),
        project=projection(3, 8),
        expand=projection(5, 3),
        tile=tile,
    )
    return Site(name, tile, tile * (number + 1), 0.25, 7, layer)


def bundle():
    return Bundle(CONFIG, tuple(site(name, number) for number, name in enumerate(NAMES)))


def loaded(folder, header, module="tilefold_codec"):
    """Compile the driver with a header's layers, and return both."""
    (folder / "layers.h").write_text(header, encoding="ascii")
    (folder / "layers.c").write_text(
        '#include "layers.h"\n'
        "const struct tilefold_layer *layers(void);\n"
        "const uint32_t *digest(void);\n"
        f"const struct tilefold_layer *layers(void) {{ return {module}_layers; }}\n"
        f"const uint32_t *digest(void) {{ return {module}_digest; }}\n"
    )
    driver = library(folder, "layers.c")
    driver.layers.restype = ctypes.POINTER(Layer)
    driver.digest.restype = ctypes.POINTER(ctypes.c_uint32)
    return driver, driver.layers()


def test_the_driver_writes_what_the_map_says(tmp_path):
    driver, layers = loaded(tmp_path, export(bundle(), CORE))
    for number, each in enumerate(bundle().sites):
        for window in CORE.windows:
            bank, settings = Bank(window), getattr(layers[number], window.side)
            assert driver.tilefold_load(bank.side, settings, 1) == OK
            assert bank.written == list(WRITES[window.side](CONFIG, each.layer))
            assert not bank.strays


def test_tells_what_a_layer_is(tmp_path):
    driver, layers = loaded(tmp_path, export(bundle(), CORE))
    digest = b"".join(driver.digest()[n].to_bytes(4, "big") for n in range(8))
    assert digest.hex() == CONFIG.digest
    for number, each in enumerate(bundle().sites):
        layer = each.layer
        assert layers[number].name.decode() == each.name
        assert [getattr(layers[number], name) for name in Layer.NUMBERS] == [
            layer.groups,
            packet_words(CONFIG, layer),
            layer.tile,
            layer.channels_in,
            layer.channels,
            layer.channels_out,
        ]


def test_a_core_of_one_side_has_the_layers_of_that(tmp_path):
    core = CoreConfig(CONFIG, "decoder", "squeeze")
    text = export(bundle(), core)
    driver, layers = loaded(tmp_path, text, "squeeze")
    assert "_encoder[" not in text
    (window,) = core.windows
    bank = Bank(window)
    assert layers[1].encoder.count == 0
    assert driver.tilefold_load(bank.side, layers[1].encoder, 1) != OK
    assert not bank.written
    assert driver.tilefold_load(bank.side, layers[1].decoder, 1) == OK
    assert bank.written == list(decoder_writes(CONFIG, bundle().sites[1].layer))


@pytest.mark.parametrize("command", [C99, CPP], ids=["C", "C++"])
@pytest.mark.parametrize("module", ["tilefold_codec", "tilefold", "Codec"])
def test_no_compiler_warns(command, module, tmp_path):
    place_driver(tmp_path)
    (tmp_path / "layers.h").write_text(export(bundle(), CoreConfig(CONFIG, name=module)))
    (tmp_path / "main.c").write_text(
        '#include "layers.h"\n#include "layers.h"\n'
        "int main(void)\n{\n"
        f"    return {module}_layers[{module.upper()}_LAYER_CONV1_2].groups == 2u ? 0 : 1;\n}}\n"
    )
    compiled(command, tmp_path, "main.c", "-o", "main")
    compiled([tmp_path / "main"], tmp_path)


def test_every_layer_has_an_identifier_of_its_own():
    given = identifiers(NAMES)
    assert given == ["conv1", "conv1_2", "stage_1_________", "conv1_2_2", "a_b", "count", "2d"]
    clashing = ["a", "a_2", "A", "a.2", "a", "é", "_", "a_2_2"]
    given = identifiers(clashing)
    assert len(set(given)) == len(clashing)
    assert all(re.fullmatch(r"[a-z0-9_]+", each) for each in given)


def test_the_same_bundle_gives_the_same_bytes(tmp_path):
    bundle().save(tmp_path / "net.safetensors")
    assert export(Bundle.load(tmp_path / "net.safetensors"), CORE) == export(bundle(), CORE)


def test_rejects_a_core_that_is_built_otherwise():
    core = CoreConfig(preset("tiny"))
    sentence = (
        f"core must have the bundle's configuration {CONFIG.digest[:12]}, "
        f"not {preset('tiny').digest[:12]}"
    )
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        export(bundle(), core)


def test_rejects_a_bundle_without_sites():
    with pytest.raises(ValueError, match=r"^bundle must have a site, not none$"):
        export(Bundle(CONFIG, ()), CORE)


def test_a_layer_that_was_exported_runs_on_the_gateware(tmp_path):
    """Registers of the simulated codec in place of a model: the driver's accesses drive them."""
    config = replace(preset("tiny"), tile=4, channels=4, tables=2, memory_words=16)
    codec = CompiledCodec(config)
    rng = np.random.default_rng(0)
    cases = [random_case(config, rng) for _ in range(3)]
    sites = tuple(
        Site(f"map{n}", config.tile, config.tile * case.layer.groups, 1.0, 0, case.layer)
        for n, case in enumerate(cases)
    )
    core = CoreConfig(config)
    driver, layers = loaded(tmp_path, export(Bundle(config, sites), core))

    def reach(offset):
        window = next(each for each in core.windows if each.base <= offset < each.base + each.size)
        return f"{window.side}_bus", (offset - window.base) // 4

    bus = Bus(
        Bus.READ(lambda context, offset: codec.simulation.read(*reach(offset))),
        Bus.WRITE(lambda context, offset, value: write(offset, value)),
        None,
    )

    def write(offset, value):
        name, address = reach(offset)
        codec.simulation.write(name, [(address, value)])

    sides = {window.side: Side(bus, window.base) for window in core.windows}
    for number, case in enumerate(cases):
        for name, side in sides.items():
            assert driver.tilefold_load(side, getattr(layers[number], name), 64) == OK
        layer = case.layer
        count = len(case.groups) * config.pixels * layer.channels_out
        run = codec.simulation.run(beats(config, case.groups), count)
        samples = run.items["data"].astype(np.int32)
        restored = from_beats(layer.on(config), samples, layer.channels_out)
        np.testing.assert_array_equal(restored, case.restored)
        told = driver.tilefold_read_counters(sides["encoder"])
        assert (told.tiles, told.words) == (case.tiles, len(case.words))
        for side in sides.values():
            driver.tilefold_clear(side)
            assert driver.tilefold_read_counters(side).words == 0
            assert not driver.tilefold_read_errors(side).framing


class TestVerb:
    @pytest.fixture
    def path(self, tmp_path):
        bundle().save(tmp_path / "net.safetensors")
        return tmp_path / "net.safetensors"

    @staticmethod
    def run(*arguments):
        return CliRunner().invoke(verb, list(map(str, arguments)))

    def test_writes_the_header(self, path, tmp_path):
        output = tmp_path / "layers.h"
        output.write_text("old")
        result = self.run(path, "-o", output, "--block", "encoder", "--name", "squeeze")
        assert result.exit_code == 0, result.output
        assert result.output == f"{output}: {len(NAMES)} layers\n"
        assert output.read_text() == export(bundle(), CoreConfig(CONFIG, "encoder", "squeeze"))

    def test_takes_the_configuration_it_is_for(self, path, tmp_path):
        (tmp_path / "core.toml").write_text(CONFIG.to_toml())
        output = tmp_path / "layers.h"
        assert self.run(path, "-o", output, "--config", tmp_path / "core.toml").exit_code == 0

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--config", "tiny"], "bundle must be for configuration "),
            (["--config", "tinny"], "configuration must be a TOML file or one of "),
            (["--name", "2d"], "name must be letters, digits and underscores, a letter first"),
        ],
    )
    def test_an_error_writes_nothing(self, path, tmp_path, arguments, sentence):
        output = tmp_path / "layers.h"
        result = self.run(path, "-o", output, *arguments)
        assert isinstance(result.exception, ValueError | Failure)
        assert sentence in str(result.exception)
        assert sorted(tmp_path.iterdir()) == [path]

    def test_the_folder_must_be_there(self, path, tmp_path):
        result = self.run(path, "-o", tmp_path / "no" / "layers.h")
        sentence = f"output must be in a folder that is there, not '{tmp_path / 'no'}'"
        assert str(result.exception) == sentence

    def test_help_teaches(self):
        told = self.run("--help").output
        assert "tilefold export digits.safetensors -o layers.h" in told
        assert "tilefold_load" in told
        assert "\b" not in told
