"""A report with something in every part of it."""

import pytest

from tilefold.report.record import (
    Baseline,
    Configuration,
    Heat,
    Layer,
    Picture,
    Point,
    Report,
    Series,
    Skipped,
)

BASELINES = (
    Baseline("run-length", 16, 17.25, 19.5),
    Baseline("Huffman, fitted", 8, 4.125, 5.0625),
)


def layer(name, words, **others):
    return Layer(
        **{
            "name": name,
            "shape": (16, 24, 40),
            "words": words,
            "reads": 2,
            "settings": "a table a channel, step 7",
            "clip": "0 to 255",
            "saturated": 0.00125,
            "snr_db": 21.75,
            "rms_error": 1.375,
            "zeros": 0.4375,
            "baselines": BASELINES,
        }
        | others
    )


@pytest.fixture
def report():
    return Report(
        title="A report of a test",
        network="SmallNet",
        configuration=Configuration(
            name="tiny",
            digest="0123456789abcdef" * 4,
            sample_width=8,
            word_width=32,
            fields={"lanes": 4, "sevens": False, "note": "as built"},
        ),
        accuracy_float=0.9151,
        accuracy=0.9043,
        layers=(
            layer("stem.conv", 1920),
            layer("body.0.conv", 1680, shape=(12, 24, 40), snr_db=None, rms_error=0.0, reads=1),
        ),
        skipped=(Skipped("head.linear", (10,), 1, "no map of pixels in channels"),),
        baselines=BASELINES,
        series=(
            Series("tables", True, (Point(3.5, 0.896), Point(2.25, 0.7925))),
            Series("entropy coder", False, (Point(4.0625, 0.9151),)),
        ),
        pictures=(Picture("stem.conv", 5, ((0, 128, 255), (7, 8, 9)), ((1, 127, 254), (7, 8, 9))),),
        heats=(
            Heat(
                "body.0.conv",
                widths=((7.5, 3.25), (3.125, 0.0)),
                shifts=((1.0, 2.0), (2.0, 6.0)),
                channels=(4.375, 2.875, 0.0),
            ),
        ),
    )
