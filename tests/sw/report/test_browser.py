"""The page in a real browser, which may see it otherwise than a parser does."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
from matplotlib.image import imread

from tilefold.report.page import render

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

pytestmark = pytest.mark.skipif(not BROWSER, reason="needs Chromium or Chrome on PATH")

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
]

SCHEMES = {"dark": 0, "light": 1}
WIDTHS = (320, 768, 1280)

# The page in frames of several widths, looked at from outside, so that it is as it is: its own
# policy forbids scripts. The text of every element is compared with what is painted behind it.
HARNESS = """<!DOCTYPE html><body>
%(frames)s
<pre id="found"></pre>
<script>
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function paint(under, color) {
  canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
  canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
function luminance(rgb) {
  const [r, g, b] = rgb.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function look(frame) {
  const page = frame.contentDocument, view = frame.contentWindow;
  function behind(element) {
    const under = element.parentElement ? behind(element.parentElement) : [255, 255, 255];
    return paint(under, view.getComputedStyle(element).backgroundColor);
  }
  const texts = [...page.body.querySelectorAll("*")].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
    && element.checkVisibility() && !element.closest("title"));
  const contrasts = texts.map(element => {
    const style = view.getComputedStyle(element), under = behind(element);
    const ink = paint(under, element instanceof view.SVGElement ? style.fill : style.color);
    const [low, high] = [luminance(under), luminance(ink)].sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), element.textContent.trim()];
  });
  const root = page.documentElement, box = element => element.getBoundingClientRect();
  const links = [...page.links].map(link => page.getElementById(link.hash.slice(1)));
  return {
    width: view.innerWidth, overflow: root.scrollWidth - root.clientWidth,
    out: [...page.querySelectorAll("section, figure, .figures div")]
      .filter(e => box(e).right > view.innerWidth || box(e).left < 0).length,
    texts: contrasts.length, least: contrasts.sort((a, b) => a[0] - b[0])[0],
    pictures: [...page.images].map(image => [image.naturalWidth, image.naturalHeight]),
    loaded: view.performance.getEntriesByType("resource").map(entry => entry.name),
    links: links.length, astray: links.filter(target => target === null).length,
    title: page.title, heading: page.querySelector("h1").textContent,
    light: luminance(behind(page.body)),
  };
}
onload = () => {
  found.textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(look));
};
</script>
"""


def browse(path, tmp_path, *flags, scheme):
    """Return what the browser writes for a file, once it has nothing to say against it."""
    command = [
        *(BROWSER, *FLAGS, f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *flags),
        f"--user-data-dir={tmp_path / 'profile'}",
        path.as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=120, check=True, cwd=tmp_path
    )
    assert ":CONSOLE" not in done.stderr, done.stderr
    return done.stdout


@pytest.fixture
def long(report):
    """A report with names as long as they come."""
    first, second = report.layers
    name = "a_block_of_a_network_whose_names_have_no_end" * 3
    return replace(
        report,
        title=name,
        network="layer." * 60,
        layers=(replace(first, name=name, settings=name, clip="none"), second),
        skipped=(replace(report.skipped[0], name=name + ".conv", reason=name),),
        pictures=tuple(replace(each, layer=name) for each in report.pictures),
        series=(replace(report.series[0], name=name),),
        heats=(replace(report.heats[0], layer=name, channels=tuple(range(64)) * 8),),
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_fits_any_width_and_can_be_read(report, long, scheme, tmp_path):
    cases = [(record, width) for record in (report, long) for width in WIDTHS]
    frames = "\n".join(
        f'<iframe style="border: 0; width: {width}px; height: 900px" '
        f'srcdoc="{html.escape(render(record))}"></iframe>'
        for record, width in cases
    )
    path = tmp_path / "harness.html"
    path.write_text(HARNESS % {"frames": frames}, encoding="utf-8")
    text = browse(path, tmp_path, "--dump-dom", scheme=scheme)
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', text, re.S)[1]))
    for (record, width), each in zip(cases, found, strict=True):
        assert each["width"] == width
        assert each["overflow"] == each["out"] == 0
        # 4.5 is what WCAG 2.2 asks of text, 1.4.3.
        assert each["texts"] > 100
        assert each["least"][0] >= 4.5, each["least"]
        assert each["light"] > 0.85 if scheme == "light" else each["light"] < 0.05
        assert each["pictures"] == [[3, 2], [3, 2]]
        assert [name for name in each["loaded"] if not name.startswith("data:")] == []
        assert (each["links"], each["astray"]) == (7, 0)
        assert each["title"] == each["heading"] == record.title


def test_is_painted(report, tmp_path):
    path, shot = tmp_path / "report.html", tmp_path / "shot.png"
    path.write_text(render(report), encoding="utf-8")
    browse(path, tmp_path, f"--screenshot={shot}", "--window-size=1000,1400", scheme="dark")
    picture = imread(shot)[..., :3]
    assert picture.shape[:2] == (1400, 1000)
    assert picture.mean() < 0.25
    assert picture.std() > 0.03
