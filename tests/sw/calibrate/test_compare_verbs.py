"""`tilefold compare` and `tilefold report`, as users call them."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("rich")
pytest.importorskip("sklearn")  # the digits

from click.testing import CliRunner

from tilefold.calibrate.compare_verbs import compare, report
from tilefold.calibrate.verbs import calibrate
from tilefold.report.comparison import Comparison
from tilefold.report.plain import parse

NETWORK = ["tilefold.demo.trained:network"]
TRAINING = ["--data", "tilefold.demo.trained:training", "--images", "32"]
TESTS = ["--test", "tilefold.demo.trained:test", "--tests", "24"]


def called(verb, *arguments):
    return CliRunner().invoke(verb, list(map(str, arguments)), catch_exceptions=True)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """What `compare` prints, and the folder of what it writes."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("compared")
    plan = ["--bits", "3,2", "--method", "mask", "--method", "allocate"]
    files = ["--json", folder / "compare.json", "--plot", folder / "compare.svg"]
    done = called(compare, *NETWORK, *TRAINING, *TESTS, *plan, *files)
    assert done.exit_code == 0, done.output
    return done.output, folder


def test_it_prints_writes_and_draws_the_same(compared):
    output, folder = compared
    found = parse(Comparison, (folder / "compare.json").read_text(encoding="utf-8"))
    assert (found.network, found.images, found.tests) == ("network", 32, 24)
    assert [each.name for each in found.maps] == ["conv1", "conv2", "conv3", "conv4"]
    assert f"network: {found.accuracy_float:.2%} of 24 test images in floats" in output
    picture = (folder / "compare.svg").read_text(encoding="utf-8")
    for line in found.lines:
        kind = "guaranteed" if line.guaranteed else "mean"
        assert f"{line.name} ({kind})" in picture
        for rate in line.rates:
            (row,) = (
                each
                for each in output.splitlines()
                if each.startswith(line.name + "  ") and f" {rate.setting} " in each
            )
            assert f" {rate.bits:.3f} " in row
            assert row.rstrip().endswith(f"{found.accuracy_float - rate.accuracy:.2%}")
            assert ("guaranteed" in row) == line.guaranteed
    assert any(each.startswith("conv3 ") for each in output.splitlines())


def test_a_report_shows_a_bundle_and_the_comparison(compared, tmp_path):
    _, folder = compared
    bundle, page = tmp_path / "digits.bundle", tmp_path / "report.html"
    done = called(
        calibrate, *NETWORK, *TRAINING, "--bits", 3, "--method", "mask", "--output", bundle
    )
    assert done.exit_code == 0, done.output
    before = ["--compare", folder / "compare.json"]
    done = called(report, bundle, *NETWORK, *TRAINING, *TESTS, *before, "-o", page)
    assert done.exit_code == 0, done.output
    assert f"{page}: the report" in done.output.replace("\n", "")
    assert "of the traffic saved" in done.output
    text = page.read_text(encoding="utf-8")
    for part in ("conv3", "Huffman, fitted", "Before and after", "PCA and Huffman", "<svg"):
        assert part in text


def test_a_comparison_that_is_damaged(compared, tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"network": "network"}')
    bundle = tmp_path / "digits.bundle"
    called(calibrate, *NETWORK, *TRAINING, "--bits", 3, "--method", "mask", "-o", bundle)
    done = called(
        report, bundle, *NETWORK, *TESTS, "--compare", bad, "-o", tmp_path / "report.html"
    )
    assert isinstance(done.exception, ValueError)
    assert str(done.exception).startswith(f"{bad}: comparison must have network, digest, ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "nowhere/it.json"], "output must be in a folder that is there, not 'nowhere'"),
        (["--bits", "3,0"], "bits must be more than 0 a value, not 0"),
        (["--config", "none"], "configuration must be a TOML file or one of pocket, "),
        (["--site", "conv9"], "site must be one of conv1, conv2, conv3, conv4, not 'conv9'"),
    ],
)
def test_what_is_wrong_is_told(options, message):
    done = called(compare, *NETWORK, *TRAINING, *TESTS, *options)
    assert isinstance(done.exception, ValueError)
    assert str(done.exception).startswith(message)


def test_rates_that_are_no_numbers():
    done = called(compare, *NETWORK, *TRAINING, *TESTS, "--bits", "many")
    assert done.exit_code == 2
    assert "'many' must be numbers with commas between them" in done.output


def test_help_teaches():
    text = called(compare, "--help").output
    for name in ("Huffman, fitted", "PCA and Huffman", "Example:", "guaranteed"):
        assert name in text
    assert "--compare" in called(report, "--help").output
