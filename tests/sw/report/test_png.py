import base64
from io import BytesIO

import numpy as np
from matplotlib.image import imread

from tilefold.report.png import data_uri, png


def test_another_reader_finds_the_same_pixels():
    rows = np.arange(256).reshape(8, 32)
    found = imread(BytesIO(png(rows.tolist())))
    np.testing.assert_array_equal(np.round(found * 255), rows)


def test_an_address_holds_the_picture():
    kind, _, data = data_uri([[1, 2], [3, 4]]).partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == png([[1, 2], [3, 4]])
