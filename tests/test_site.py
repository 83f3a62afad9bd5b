"""The documentation as a site: it builds without a warning, leaves nothing out, asks no host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from attrs import fields

from affmem.catalogue import GROUP, KINDS, collect

REPO = Path(__file__).parents[1]
LOADED = {"src", "srcset", "poster", "data"}
"""Attributes whose address a browser loads by itself, as it does a <link>'s href."""


class Page(HTMLParser):
    """The anchors of a page, and the addresses that it loads by itself."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.loads = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors.add(given.get("id"))
        kept = LOADED | ({"href"} if tag in ("link", "image", "use") else set())
        self.loads |= {value for key, value in attrs if key in kept and value}
        self.loads |= set(re.findall(r"url\(([^)]+)\)", given.get("style") or ""))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    for name in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(name, reason="the site is built by the group docs")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {
        path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")
    }


def foreign(address):
    return re.match(r"""\s*["']?(\w+:)?//""", address) is not None


def test_no_page_loads_anything_from_elsewhere(pages):
    assert len(pages) > len(KINDS)
    assert not {(name, one) for name, page in pages.items() for one in page.loads if foreign(one)}


def test_no_style_loads_anything_from_elsewhere(site):
    styles = [*site.rglob("*.css")]
    assert styles
    for path in styles:
        loads = re.findall(r"(?:url\(|@import\s+)([^);]+)", path.read_text())
        assert not [one for one in loads if foreign(one)], path


def test_no_page_has_what_the_theme_fetches_a_script_for(site):
    assert not [path for path in site.rglob("*.html") if "mermaid" in path.read_text()]


def test_every_setting_of_every_bundled_part_has_its_place(pages):
    found = collect(tuple(distribution(GROUP).entry_points.select(group=GROUP)))
    for kind in KINDS:
        assert found.parts[kind]
        for name, config in found.parts[kind].items():
            part = f"{kind}.{name}"
            wanted = {part, *(f"{part}.{one.name}" for one in fields(config))}
            assert wanted <= pages[f"reference/{kind}.html"].anchors


def test_every_hook_has_its_place(pages):
    assert set(KINDS.values()) <= pages["reference/hooks.html"].anchors


def test_readme_is_the_home_and_all_that_it_links_to_is_there(site):
    home = (site / "index.html").read_text()
    assert "Personal memories of how each person shows arousal and valence" in home
    targets = set(re.findall(r'(?:href|src)="(?![a-z]+:|#)([^"#?]+)', home))
    assert {"report.png", "datasets.html", "plugins.html"} <= targets
    assert all((site / one).exists() for one in targets)
