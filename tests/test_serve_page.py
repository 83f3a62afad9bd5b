"""The page of `affmem serve`, driven as a person would, before a camera that plays a drawn one."""

import os
import re
from io import BytesIO
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")
pytest.importorskip("playwright", reason="needs Playwright")
import av
import httpx
from playwright import sync_api as api

from affmem.catalogue import catalogue
from affmem.keeping import unpack
from affmem.protocols import Runtime
from serving import experiment, serving

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM}")
WIDTHS = (1280, 400)
NUMBER, NONE = re.compile(r"^.\d\.\d\d$"), "\N{EN DASH}"
api.expect.set_options(timeout=60_000)
SHOTS = os.environ.get("AFFMEM_SHOTS")
"""Folder for pictures of the page, to be looked at."""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A drawn person talks: a file that Chromium plays as a camera."""
    folder = tmp_path_factory.mktemp("film")
    made = catalogue().config("maker", "omg")(
        persons=1, utterances=1, seconds=1.0, width=480, height=270, train=0.0, validation=0.0
    )
    made.build(Runtime()).make(folder / "omg", lambda _done, _of: None)
    [clip] = (folder / "omg").rglob("*.mp4")
    frames = []
    with av.open(str(clip)) as opened:
        for frame in opened.decode(video=0):
            held = BytesIO()
            frame.to_image().save(held, "JPEG", quality=90)
            frames.append(held.getvalue())
    path = folder / "camera.mjpeg"
    path.write_bytes(b"".join(frames))
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    named = experiment(
        tmp_path_factory.mktemp("store"),
        faces={"use": "mtcnn"},
        memory={"use": "gwr"},
        start={"edits": 12, "frames": 2, "epochs": 1},
    )
    with serving(named, requests=1000.0) as found:
        yield found


@pytest.fixture(scope="module")
def browser(film):
    words = [
        "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ]  # fmt: skip
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=words)
        yield found
        found.close()


@pytest.fixture(params=WIDTHS)
def page(browser, request):
    """A page in which nothing may go wrong, and nothing may be asked of another host."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 900}, permissions=["camera"]
    )
    found, wrong = context.new_page(), []
    found.set_default_timeout(60_000)
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    found.on("request", lambda one: _local(one.url) or wrong.append(one.url))
    yield found
    context.close()
    assert not [one for one in wrong if "status of 404" not in one]  # of one who is erased


def _local(url):
    return re.match(r"(http://127\.0\.0\.1:\d+/|ws://127\.0\.0\.1:\d+/|data:|blob:)", url)


DRAWN = "() => document.getElementById('graph').toDataURL()"


def number(page, name):
    return int(page.locator(name).inner_text())


def shot(page, name):
    if SHOTS:
        width = page.viewport_size["width"]
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)


def test_a_person_starts_is_read_reloads_is_found_again_and_is_erased(page, address):
    expect = api.expect
    page.goto(address)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#pk-arousal")).to_have_text(NUMBER)
    expect(page.locator("#own-arousal")).to_have_text(NONE)

    page.get_by_role("button", name="Start").click()  # not without consent
    expect(page.locator("#kept")).to_be_hidden()
    name = page.get_by_role("textbox", name="Name").input_value()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#own-valence")).to_have_text(NUMBER)
    page.wait_for_function("() => Number(document.getElementById('kept-faces').textContent) > 5")
    expect(page.locator("#graph-text")).to_contain_text("units")
    expect(page.locator("#state")).to_have_text("Reading and learning")

    page.get_by_role("button", name="Draw my edits").click()
    expect(page.get_by_alt_text("Your face drawn 25 times")).to_be_visible()
    shot(page, "read")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#state")).to_have_text("Reading; learning paused")
    grown = number(page, "#kept-units")
    matching = rf"^Ringed: unit \d+ of {grown}, .* arousal .\d\.\d\d, valence .\d\.\d\d\.$"
    expect(page.locator("#graph-now")).to_have_text(re.compile(matching))
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_timeout(300)  # that units take to their places
    ringed = page.evaluate(DRAWN)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#graph-now")).to_have_text("")
    assert page.evaluate(DRAWN) != ringed

    page.reload()
    expect(page.locator("#state")).to_contain_text(f"{name} is remembered")
    expect(page.locator("#graph-text")).to_contain_text(f"{grown} units")
    assert number(page, "#kept-units") == grown
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert unpack(Path(download.value.path()).read_bytes()).units == grown
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#own-arousal")).to_have_text(NUMBER)

    page.get_by_role("button", name="Erase…").click()
    shot(page, "sure")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#kept-name")).to_have_text(name)
    page.get_by_role("button", name="Erase…").click()
    page.get_by_role("button", name="Erase it").click()
    expect(page.locator("#notice-text")).to_have_text(f"All that was learnt of {name} is erased.")
    expect(page.locator("#graph-none")).to_be_visible()
    assert httpx.get(f"{address}/api/people").json() == []
    page.reload()
    expect(page.locator("#consent")).to_be_visible()
    shot(page, "gone")


def test_two_tabs_on_one_person_do_not_both_learn(page, address):
    expect = api.expect
    page.goto(address)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#own-arousal")).to_have_text(NUMBER)
    other = page.context.new_page()
    other.goto(address)
    other.get_by_role("button", name="Use the camera").click()
    expect(other.locator("#notice-text")).to_contain_text("nothing is learnt")
    expect(other.locator("#own-arousal")).to_have_text(NONE)
    other.close()
    page.get_by_role("button", name="Erase…").click()
    page.get_by_role("button", name="Erase it").click()
    expect(page.locator("#consent")).to_be_visible()


def test_all_can_be_reached_and_used_by_the_keyboard(page, address):
    page.goto(address)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("() => document.activeElement.id || document.activeElement.className")
        )
    wanted = ["skip", "camera", "file", "name", "days", "agree", "start"]
    assert [one for one in reached if one in wanted][:7] == wanted
    assert all(
        one.get_attribute("aria-label") and one.get_attribute("role") == "img"
        for one in page.locator("canvas:not([aria-hidden])").all()
    )


FOCUSED = "() => document.activeElement.id || document.activeElement.className"
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((one) => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const under = (one) => {
    for (; one; one = one.parentElement) {
      const back = getComputedStyle(one).backgroundColor;
      if (!/, 0\\)$|transparent/.test(back)) return back;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.offsetParent || one.disabled) continue;
    const pair = [light(getComputedStyle(one).color), light(under(one))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) low.push([one.textContent.trim().slice(0, 40), ratio.toFixed(2)]);
  }
  return low;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_what_it_stands_on(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    page.locator("#kept").evaluate("(one) => { one.hidden = false; }")
    page.locator("#notice").evaluate("(one) => { one.hidden = false; one.append('A word.'); }")
    assert page.evaluate(CONTRAST) == []
