"""The README's way from a trained network to a bundle."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from tilefold.bundle import Bundle
from tilefold.calibrate.verbs import calibrate, evaluate
from tilefold_hw.budget import packet_words

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits.py"


def test_three_bits_a_value_cost_the_digits_less_than_a_point(tmp_path):
    path = tmp_path / "digits.bundle"
    run = CliRunner().invoke
    asked = [f"{EXAMPLE}:network", "--data", f"{EXAMPLE}:training"]
    told = run(calibrate, [*asked, "--bits", "3", "-o", str(path)], catch_exceptions=False)
    assert told.exit_code == 0, told.output

    bundle = Bundle.load(path)
    bits = 32 * sum(packet_words(bundle.config, site.layer) for site in bundle.sites)
    assert 2.95 < bits / sum(site.values for site in bundle.sites) <= 3
    assert "3.000 bits a value, guaranteed" in told.output

    asked = [f"{EXAMPLE}:network", "--data", f"{EXAMPLE}:test"]
    told = run(evaluate, [str(path), *asked], catch_exceptions=False)
    found = re.findall(r"(?:in floats|maps stored): +([\d.]+)%", told.output)
    before, after = map(float, found)
    assert before - after < 1
