import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tilefold.report.page import percent, render, write

VOID = {"br", "img", "link", "meta", "wbr"}
HOSTILE = """<script>alert("1")</script>'"&amp;{{ 7 * 7 }}"""


class Page(HTMLParser):
    """Elements and text of a page; fails where an element is not closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self._open = [], "", []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {attrs}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, f"line {self.getpos()}"

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data

    def attributes(self, name):
        return [attrs[name] for _, attrs in self.elements if name in attrs]

    def tags(self):
        return [tag for tag, _ in self.elements]


def test_is_well_formed(report):
    text = render(report)
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    page = Page(text)
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    for name in ("href", "aria-labelledby"):
        for target in page.attributes(name):
            assert target == "data:," or target.removeprefix("#") in ids
    regions = [attrs for _, attrs in page.elements if attrs.get("role") == "region"]
    names = [attrs.get("aria-label") or attrs["aria-labelledby"] for attrs in regions]
    assert len(set(names)) == len(names) > 4
    tags = page.tags()
    assert [tags.count(tag) for tag in ("h1", "main", "header", "nav")] == [1] * 4
    assert all(attrs["alt"] for tag, attrs in page.elements if tag == "img")
    assert all(
        attrs.get("aria-label") or attrs.get("aria-hidden")
        for tag, attrs in page.elements
        if tag == "svg"
    )


def test_every_field_of_the_record_is_shown(report):
    page = Page(render(report))
    for shown in (
        report.title,
        "SmallNet",
        "tiny",
        report.configuration.digest,
        "8-bit samples in words of 32 bits",
        *("lanes", "4", "sevens", "false", "note", "as built"),
        *("91.51 %", "90.43 %"),
        *("stem.conv", "16 × 24 × 40", "15360", "1920", "53.3 %"),
        *("a table a channel, step 7", "0 to 255", "0.125 %", "21.8", "exact", "1.38", "43.8 %"),
        *("run-length, of 16 bits", "17.25", "19.50", "−7.8 %", "Huffman, fitted, of 8 bits"),
        *("4.12", "5.06", "48.4 %"),
        *("head.linear", "10", "no map of pixels in channels"),
        *("tables", "entropy coder", "3.500", "2.250", "79.25 %", "4.062", "guaranteed", "a mean"),
        *("channel 5", "7.5", "3.25", "3.12", "channel 1: 2.875 bits", "0.00 to 4.38"),
        f"{report.bits:.2f}",
        f"{report.saved:.1%}".replace("%", " %"),
    ):
        assert shown in page.text, shown
    assert len([src for src in page.attributes("src") if src.startswith("data:image/png;")]) == 2


def test_what_is_empty_is_left_out(report):
    page = Page(
        render(
            replace(
                report,
                skipped=(),
                baselines=(),
                series=(),
                pictures=(),
                heats=(),
                layers=tuple(replace(layer, baselines=()) for layer in report.layers),
            )
        )
    )
    sections = [attrs["id"] for tag, attrs in page.elements if tag == "section"]
    assert sections == ["layers", "configuration"]
    assert page.attributes("href") == ["data:,", "#layers", "#configuration"]


def test_what_comes_from_outside_is_text_wherever_it_stands(report):
    first, second = report.layers
    # Each part of the record, each with its own mark.
    hostile = replace(
        report,
        title=HOSTILE + "title",
        network=HOSTILE + "network",
        configuration=replace(
            report.configuration,
            name=HOSTILE + "name",
            digest=HOSTILE,
            fields={HOSTILE + "field": HOSTILE + "value"},
        ),
        layers=(
            replace(first, name=HOSTILE, settings=HOSTILE + "settings", clip=HOSTILE + "clip"),
            second,
        ),
        skipped=(replace(report.skipped[0], name=HOSTILE + "map", reason=HOSTILE + "reason"),),
        series=(replace(report.series[0], name=HOSTILE + "series"),),
        pictures=(replace(report.pictures[0], layer=HOSTILE),),
        heats=(replace(report.heats[0], layer=HOSTILE),),
    )
    text = render(hostile)
    page = Page(text)
    assert "<script" not in text
    assert page.tags().count("script") == 0
    for mark in (
        *("title", "network", "name", "field", "value", "settings", "clip", "map", "reason"),
        "series",
    ):
        assert HOSTILE + mark in page.text, mark
    assert sum(HOSTILE in alt for alt in page.attributes("alt")) == 2
    assert {name for _, attrs in page.elements for name in attrs if name.startswith("on")} == set()


def test_nothing_is_loaded_from_elsewhere(report):
    text = render(report)
    assert not re.search(r"https?:|url\(|@import|<script|<iframe|<object|<base", text)
    assert "default-src 'none'" in text


def test_the_same_record_gives_the_same_bytes(report, tmp_path):
    for name in ("first", "second"):
        write(report, tmp_path / name)
    content = (tmp_path / "first").read_bytes()
    assert content == (tmp_path / "second").read_bytes() == render(report).encode()


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.5, 0, "50 %"),
        (0, 3, "0 %"),
        (0.0004, 1, "< 0.1 %"),
        (0.0005, 1, "0.1 %"),
        (0.000001, 3, "< 0.001 %"),
        (-0.276, 1, "−27.6 %"),
        (1, 2, "100.00 %"),
    ],
)
def test_shares_are_told_in_per_cent_and_a_small_one_is_not_nothing(share, digits, text):
    assert percent(share, digits) == text
