import json

import pytest

from tilefold_boards.files import write, write_json


def test_a_file_is_written_whole(tmp_path):
    path = tmp_path / "new" / "it.json"
    write_json(path, {"a": [1]})
    assert json.loads(path.read_text()) == {"a": [1]}
    assert list(path.parent.iterdir()) == [path]
    other = tmp_path / "new" / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_or_it_stays_as_it_was(tmp_path):
    path = tmp_path / "it"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
