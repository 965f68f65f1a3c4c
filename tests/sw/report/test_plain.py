import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tilefold.report.plain import dump, parse
from tilefold.report.record import Report


@dataclass(frozen=True)
class Inner:
    number: int


@dataclass(frozen=True)
class Outer:
    name: str
    share: float | None
    flag: bool
    inner: tuple[Inner, ...]
    rows: tuple[tuple[int, ...], ...]
    named: Mapping[str, int | str]


OUTER = Outer("naïve", 0.1, True, (Inner(1), Inner(2)), ((1, 2), ()), {"a": 1, "b": "c"})


def changed(**others):
    return json.dumps(json.loads(dump(OUTER)) | others)


def test_a_report_comes_back_and_is_written_the_same(report):
    text = dump(report)
    assert parse(Report, text) == report
    assert dump(parse(Report, text)) == text


def test_every_kind_of_field_comes_back():
    assert parse(Outer, dump(OUTER)) == OUTER
    assert parse(Outer, changed(share=None)).share is None


def test_a_whole_number_is_taken_for_a_float():
    found = parse(Outer, changed(share=3)).share
    assert found == 3
    assert type(found) is float


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ({"name": 3}, r"outer\.name must be str, not 3"),
        ({"share": "x"}, r"outer\.share must be float or null, not 'x'"),
        ({"share": True}, r"outer\.share must be float or null, not True"),
        ({"flag": 1}, r"outer\.flag must be bool, not 1"),
        ({"inner": {}}, r"outer\.inner must be a list, not \{\}"),
        (
            {"inner": [{"number": 1}, {"number": 2.0}]},
            r"outer\.inner\[1\]\.number must be int, not",
        ),
        ({"inner": [{}]}, r"outer\.inner\[0\] must have number, not \{\}"),
        ({"inner": [{"number": 1, "other": 2}]}, r"outer\.inner\[0\] must have number, not "),
        ({"rows": [[1], [None]]}, r"outer\.rows\[1\]\[0\] must be int, not None"),
        ({"named": []}, r"outer\.named must be an object, not \[\]"),
        ({"named": {"a": 1.5}}, r"outer\.named\['a'\] must be int or str, not 1\.5"),
        ({"named": {"a": True}}, r"outer\.named\['a'\] must be int or str, not True"),
        ({"more": 1}, r"outer must have name, share, flag, inner, rows, named, not "),
    ],
)
def test_rejects_what_is_no_such_record_and_tells_where(others, sentence):
    with pytest.raises((ValueError, TypeError), match=f"^{sentence}"):
        parse(Outer, changed(**others))


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_rejects_what_is_no_json(text):
    with pytest.raises(ValueError, match=r"^outer must be JSON: "):
        parse(Outer, text)


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_rejects_what_is_no_finite_number(number):
    with pytest.raises(ValueError, match=r"^outer\.share must be finite, not (nan|inf)$"):
        parse(Outer, dump(OUTER).replace("0.1", number))


def test_a_record_s_own_check_is_told_with_its_place(report):
    text = dump(report).replace('"words": 1680', '"words": 0')
    with pytest.raises(
        ValueError, match=r"^report\.layers\[1\]: words of body.0.conv must be 1 or more, not 0$"
    ):
        parse(Report, text)
