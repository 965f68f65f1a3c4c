import json
import re

import numpy as np
import pytest
from safetensors.numpy import load, save

from tilefold.bundle import FORMAT, Bundle, Site, checksum
from tilefold_hw.config import CodecConfig
from tilefold_hw.layer import Clip, Layer, Projection
from tilefold_hw.table import uniform

CONFIG = CodecConfig(channels=8, tables=4, project_macs=4, expand_macs=2)


def projection(outputs, inputs, clip):
    rng = np.random.default_rng(outputs)
    return Projection(
        weights=tuple(map(tuple, rng.integers(-128, 128, (outputs, inputs)).tolist())),
        biases=tuple(rng.integers(-1000, 1000, outputs).tolist()),
        scales=tuple(rng.integers(0, 1 << 16, outputs).tolist()),
        shifts=tuple(rng.integers(0, 48, outputs).tolist()),
        clip=clip,
    )


def site(name="conv1", **changes):
    layer = Layer(
        groups=6,
        tables=(uniform(8, 8, 3), uniform(8, 3, 5)),
        index=(0, 1, 0),
        clip=Clip(0, 200),
        project=projection(3, 8, Clip(0)),
        expand=projection(5, 3, Clip(None, 90)),
    )
    fields = {"height": 11, "width": 20, "scale": 0.25, "zero": 7, "layer": layer} | changes
    return Site(name, **fields)


@pytest.fixture
def path(tmp_path):
    tensors = {"conv1.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    Bundle(CONFIG, (site(), site("conv2")), tensors).save(tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def forge(path, edit_metadata=None, edit_tensors=None):
    """Rewrite a bundle with its metadata and tensors changed."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    tensors = load(data)
    if edit_metadata:
        edit_metadata(metadata)
    if edit_tensors:
        edit_tensors(tensors)
    metadata["checksum"] = checksum(metadata["sites"], tensors)
    path.write_bytes(save(tensors, metadata))


def edit_site(name, value):
    def edit(metadata):
        sites = json.loads(metadata["sites"])
        sites[0][name] = value
        metadata["sites"] = json.dumps(sites)

    return edit


def refuses(path, sentence, config=None):
    with pytest.raises(ValueError, match="^" + re.escape(f"{path}: {sentence}") + "$"):
        Bundle.load(path, config)


def test_comes_back_as_it_was_saved(path):
    bundle = Bundle.load(path, CONFIG)
    assert bundle.config == CONFIG
    assert bundle.sites == (site(), site("conv2"))
    np.testing.assert_array_equal(bundle.tensors["conv1.weight"], np.arange(6).reshape(2, 3))


def test_a_bundle_without_projections_comes_back(tmp_path):
    config = CodecConfig(channels=8, tables=4)
    layer = Layer(groups=1, tables=(uniform(8, 8, 3),), index=(0,))
    Bundle(config, (Site("a", 8, 8, 1.0, 0, layer),)).save(tmp_path / "b")
    assert Bundle.load(tmp_path / "b").sites[0].layer == layer


def test_sites_whose_layers_choose_their_tiles_come_back(tmp_path):
    config = CodecConfig(channels=8, tables=4, sevens=True)
    layers = [
        Layer(groups, (uniform(tile or 8, 8, 3),), (0,), tile=tile)
        for groups, tile in ((4, 7), (4, 8), (4, None))
    ]
    sites = tuple(Site(str(n), 14, 14, 1.0, 0, layer) for n, layer in enumerate(layers))
    Bundle(config, sites).save(tmp_path / "b")
    assert Bundle.load(tmp_path / "b", config).sites == sites


def test_a_site_says_its_tile_only_where_the_layer_chooses_it(path):
    # So bundles from before there was a choice are read, and theirs read what is written.
    data = path.read_bytes()
    assert b'\\"tile\\"' not in data[: 8 + int.from_bytes(data[:8], "little")]


def test_refuses_a_tile_that_the_configuration_lacks(path):
    forge(path, edit_site("tile", 4))
    refuses(
        path,
        "site 'conv1': tile of the layer must be 8, not 4: build with tile = 4",
    )
    forge(path, edit_site("tile", "8"))
    refuses(path, "tile of a site must be int, not '8'")


def test_refuses_a_bundle_for_hardware_without_sevens(tmp_path):
    made_for, config = CodecConfig(sevens=True), CodecConfig()
    Bundle(made_for, ()).save(tmp_path / "b")
    refuses(
        tmp_path / "b",
        f"bundle must be for configuration {config.digest[:12]}, not {made_for.digest[:12]} "
        "(sevens = true): calibrate again for this one",
        config,
    )


@pytest.mark.parametrize("size", [0, 7, 8, 100])
def test_refuses_a_file_cut_in_its_header(path, size):
    path.write_bytes(path.read_bytes()[:size])
    refuses(path, f"bundle must be a whole safetensors file, not one cut at {size} bytes")


def test_refuses_a_file_cut_in_its_tensors(path):
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        ValueError, match=r"net\.safetensors: bundle must be a whole safetensors file"
    ):
        Bundle.load(path)


def test_refuses_what_is_no_bundle(path):
    path.write_bytes(b"\x10" + bytes(7) + b"this is no json!" + bytes(100))
    refuses(path, "bundle must be a safetensors file; its header is not")
    path.write_bytes(save({"x": np.zeros(1, dtype=np.float32)}))
    refuses(path, f"bundle must say {FORMAT!r}, not None")


def test_refuses_a_bundle_for_another_configuration(path):
    other = CodecConfig(channels=8, tables=4, project_macs=4, expand_macs=2, word_width=64)
    refuses(
        path,
        f"bundle must be for configuration {other.digest[:12]}, not {CONFIG.digest[:12]} "
        "(word_width = 32): calibrate again for this one",
        other,
    )


def test_refuses_a_configuration_that_was_changed(path):
    def edit(metadata):
        metadata["config"] = metadata["config"].replace("channels = 8", "channels = 9")

    forge(path, edit)
    refuses(path, "bundle must carry the digest of its configuration; it was changed")


def test_refuses_sites_that_are_none(path):
    forge(path, lambda metadata: metadata.update(sites="[1"))
    refuses(path, "bundle must list its sites in JSON")
    forge(path, lambda metadata: metadata.update(sites="[{}]"))
    refuses(
        path,
        "site must have name, height, width, scale, zero, clip, project_clip, expand_clip, not {}",
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("height", "11", "height of a site must be int, not '11'"),
        ("scale", float("nan"), "site 'conv1': scale must be finite and more than 0, not nan"),
        ("scale", 0.0, "site 'conv1': scale must be finite and more than 0, not 0.0"),
        ("zero", 256, "site 'conv1': zero must be 0 to 255, not 256"),
        ("height", 0, "site 'conv1': map must have pixels, not 0 × 20"),
        ("clip", [0, 1.5], "clip must be two integers or null, not [0, 1.5]"),
        ("name", "../conv1", "site must have a name of its own without '/', not '../conv1'"),
        ("name", "conv2", "site must have a name of its own without '/', not 'conv2'"),
    ],
)
def test_refuses_a_bad_site(path, name, value, sentence):
    def rename(tensors):
        if name == "name":
            for key in [key for key in tensors if key.startswith("site/conv1/")]:
                tensors.setdefault(key.replace("conv1", value, 1), tensors[key])

    forge(path, edit_site(name, value), rename)
    refuses(path, sentence)


def test_refuses_tensors_that_do_not_belong(path):
    def other_type(tensors):
        tensors["site/conv1/widths"] = tensors["site/conv1/widths"].astype(np.int32)

    forge(path, edit_tensors=other_type)
    refuses(path, "widths of site 'conv1' must be uint8[n, n], not int32[2, 64]")


def test_refuses_a_table_too_wide(path):
    def widen(tensors):
        tensors["site/conv2/widths"][1, 9] = 12

    forge(path, edit_tensors=widen)
    with pytest.raises(
        ValueError, match=r"site 'conv2': .*width of coefficient \(1, 1\) .* not 12"
    ):
        Bundle.load(path)


def test_refuses_tensors_that_are_not_finite(path):
    forge(path, edit_tensors=lambda tensors: tensors["network/conv1.weight"].fill(np.inf))
    refuses(path, "tensor 'conv1.weight' must be finite")


def test_refuses_a_map_of_another_size_than_its_layer(tmp_path):
    with pytest.raises(
        ValueError, match=r"^site 'conv1': groups must be 9, the tiles of 20 × 20 pixels, not 6$"
    ):
        Bundle(CONFIG, (site(height=20),)).save(tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_names_the_sites_there_are(path):
    with pytest.raises(ValueError, match=r"^site must be one of conv1, conv2, not 'conv3'$"):
        Bundle.load(path).site("conv3")


def test_one_flipped_bit_anywhere_is_seen(path):
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, len(data), 150), len(data) - 1]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"net\.safetensors: "):
            Bundle.load(path)


def test_refuses_a_table_that_was_changed(path):
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refuses(path, "bundle must match its checksum; it is damaged")


def test_refuses_tensors_that_nothing_uses(path):
    forge(path, edit_tensors=lambda tensors: tensors.update({"q/evil": np.zeros(1)}))
    refuses(path, "bundle must hold no tensor 'q/evil'")


def test_refuses_sites_that_are_no_list(path):
    forge(path, lambda metadata: metadata.update(sites='{"name": 1}'))
    refuses(path, "sites must be a list, not {'name': 1}")


def test_refuses_metadata_that_is_no_text(path):
    header = json.dumps({"__metadata__": {"format": 5}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    refuses(path, "metadata of a bundle must be strings by name")


def test_a_site_may_be_called_network(tmp_path):
    tensors = {"widths": np.arange(3, dtype=np.float32)}
    Bundle(CONFIG, (site("network"),), tensors).save(tmp_path / "b")
    again = Bundle.load(tmp_path / "b")
    assert again.sites == (site("network"),)
    np.testing.assert_array_equal(again.tensors["widths"], np.arange(3))


def test_a_bundle_has_the_rights_of_any_new_file(path):
    other = path.with_name("other")
    other.write_bytes(b"")
    assert path.stat().st_mode == other.stat().st_mode


def test_a_failed_save_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space left"):
        Bundle(CONFIG, (site(),)).save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
