"""`affmem serve` as browsers and programs meet it: a real server, real sockets, a real store."""

import json
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import tracemalloc
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytest.importorskip("fastapi", reason="needs the extra serve")

import affmem.serve.app
import affmem.serve.watch
from affmem import Kept
from affmem.errors import UserError
from affmem.keeping import unpack
from affmem.protocols import Runtime
from affmem.serve.layout import MOST, layout, placed
from affmem.serve.limits import Bucket, Limits
from affmem.serve.pictures import NoPictureError, decoded
from affmem.serve.server import check_reach, listening, token_in
from serving import Camera, experiment, picture, serving

TOKEN = "a-token-of-these-tests"  # noqa: S105  (of no one)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    named = experiment(tmp_path_factory.mktemp("store"))
    with serving(named, frames=1000.0, requests=1000.0, idle=10.0) as found:
        yield found


def people(address):
    return {one["person"]: one for one in httpx.get(f"{address}/api/people").json()}


def until(true):
    """Wait for what another thread does."""
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError


# --- what is watched ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_picture_is_answered_with_what_is_read_of_its_face(address, kind):
    with Camera(address) as camera:
        assert camera.hear("hello")["limits"]["bytes"] == Limits().frame_bytes
        said = camera.show(picture(kind=kind))
    [face] = said["faces"]
    assert (said["frame"], said["dropped"], said["size"]) == (1, 0, [96, 96])
    assert all(-1 <= face["pk"][one] <= 1 for one in ("arousal", "valence"))
    assert face["person"] is face["memory"] is None
    assert face["corners"][2] == [95.5, 95.5]


def test_nobody_is_remembered_who_did_not_agree(address):
    before = people(address)
    with Camera(address) as camera:
        assert not any(camera.show(picture(i))["faces"][0]["learnt"] for i in range(3))
    assert people(address) == before


def test_a_memory_grows_is_kept_and_is_found_again(address):
    with Camera(address) as camera:
        assert camera.start("ann", days=7)["faces"] == 0
        reading = camera.show(picture(1))
        assert reading["faces"][0]["learnt"]
        assert reading["faces"][0]["memory"]
        assert reading["faces"][0]["unit"] is None  # of a memory that knew nothing
        assert people(address)["ann"]["watched"]
    until(lambda: not people(address)["ann"]["watched"])
    kept = people(address)["ann"]
    assert kept["faces"] == 1
    with Camera(address) as camera:
        camera.say(type="continue", person="ann")
        assert camera.hear("person")["faces"] == 1
    exported = httpx.get(f"{address}/api/people/ann/export")
    assert unpack(exported.content).faces == 1
    assert exported.headers["cache-control"] == "no-store"
    assert httpx.delete(f"{address}/api/people/ann").status_code == 204
    assert "ann" not in people(address)
    assert httpx.get(f"{address}/api/people/ann").status_code == 404


def test_who_never_agreed_is_not_continued(address):
    with Camera(address) as camera:
        camera.say(type="continue", person="nobody")
        assert camera.hear("refused")["why"] == "unknown"
    assert "nobody" not in people(address)


def test_a_paused_memory_reads_and_learns_nothing(address):
    with Camera(address) as camera:
        camera.start("pau")
        camera.show(picture(1))
        camera.say(type="pause")
        assert camera.hear("person", paused=True)["faces"] == 1
        face = camera.show(picture(2))["faces"][0]
        assert face["memory"]
        assert not face["learnt"]
        assert httpx.post(f"{address}/api/people/pau/resume").json()["paused"] is False
        assert camera.show(picture(3))["faces"][0]["learnt"]
        assert httpx.delete(f"{address}/api/people/pau").status_code == 204
        assert camera.hear("erased")["person"] == "pau"
        assert camera.show(picture(4))["faces"][0]["person"] is None
    assert "pau" not in people(address)


def test_of_two_windows_on_one_person_the_second_is_told_and_changes_nothing(address):
    with Camera(address) as first, Camera(address) as second:
        first.start("two")
        second.say(type="start", person="two", days=1)
        assert second.hear("refused")["why"] == "busy"
        assert second.show(picture(1))["faces"][0]["memory"] is None
        assert first.show(picture(1))["faces"][0]["learnt"]
        first.socket.close()
        until(lambda: not people(address)["two"]["watched"])
        second.say(type="continue", person="two")
        assert second.hear("person")["faces"] == 1
    until(lambda: not people(address)["two"]["watched"])
    assert httpx.delete(f"{address}/api/people/two").status_code == 204


def test_what_another_program_changed_is_not_written_over(address, tmp_path):
    with serving(experiment(tmp_path)) as mine, serving(experiment(tmp_path)) as other:
        with Camera(mine) as camera:
            camera.start("con")
            camera.show(picture(1))
            assert httpx.delete(f"{other}/api/people/con").status_code == 204
            with Camera(other) as theirs:
                theirs.start("con")
                theirs.show(picture(1))
                theirs.say(type="pause")
                theirs.hear("person", paused=True)
            camera.show(picture(2))
            camera.say(type="pause")
            assert camera.hear("refused")["why"] == "changed"
        assert people(mine)["con"]["faces"] == 1


def test_of_more_frames_than_can_be_worked_on_the_newest_is_answered(address):
    sent = 60
    with Camera(address) as camera:
        for i in range(sent):
            camera.socket.send(picture(i))
        numbers = []
        while not numbers or numbers[-1] < sent:
            said = camera.hear("reading")
            numbers.append(said["frame"])
    assert numbers == sorted(set(numbers))
    assert len(numbers) + said["dropped"] == sent
    assert said["dropped"] > 0


def test_frames_that_come_faster_than_agreed_are_dropped(tmp_path):
    with serving(experiment(tmp_path), frames=5.0) as address, Camera(address) as camera:
        pictures, began = [picture(i) for i in range(40)], time.monotonic()
        for one in pictures:
            camera.socket.send(one)
        time.sleep(1.5)
        camera.socket.send(picture())
        dropped = camera.hear("reading", frame=41)["dropped"]
        # A burst of 5, and 5 a second for as long as all of it took at most.
        assert dropped >= 40 - 5 - 5 * (time.monotonic() - began) - 1


def test_the_sheet_of_edits_is_drawn_of_the_next_face(address):
    with Camera(address) as camera:
        camera.start("edi")
        camera.say(type="edits")
        camera.socket.send(picture(1))
        sheet = camera.hear("edits")
        assert len(sheet["affects"]) == sheet["columns"] ** 2 == 25
        assert sheet["image"].startswith("data:image/webp;base64,")
        camera.say(type="erase")
        camera.hear("erased")


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"type":"fly"}', '{"type":"start"}', '{"type":"start","person":""}',
     '{"type":"start","person":"a","days":"7"}', '{"type":"start","person":"a\\nb"}',
     '{"type":"pause","more":1}', "x" * 9999],
)  # fmt: skip
def test_a_word_that_says_nothing_is_answered_with_why(address, text):
    with Camera(address) as camera:
        camera.socket.send(text)
        assert camera.hear("error")["problem"]
        assert camera.show()["faces"]


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8\xff", b"GIF89a" + bytes(99), os.urandom(999), picture()[:99],
     picture(kind="PNG"), picture(kind="JPEG", side=8)],
)  # fmt: skip
def test_bytes_that_are_no_picture_are_answered_with_why(address, data):
    with Camera(address) as camera:
        camera.socket.send(data)
        assert camera.hear("error")["frame"] == 1
        assert camera.show()["faces"]


def test_too_many_mistakes_end_the_connection(address):
    with Camera(address) as camera:
        for _ in range(Limits().mistakes + 1):
            camera.socket.send("nonsense")
            time.sleep(0.005)
        assert camera.ended() == 1008


def test_a_message_too_large_ends_its_connection_alone(address):
    with Camera(address) as camera, Camera(address) as other:
        camera.socket.send(bytes(Limits().frame_bytes + 1))
        assert camera.ended() == 1009
        assert other.show()["faces"]


def test_a_flood_of_messages_ends_its_connection_alone(tmp_path):
    named = experiment(tmp_path)
    with serving(named, messages=20.0) as address, Camera(address) as one, Camera(address) as other:
        with suppress(ConnectionClosed):
            for _ in range(100):
                one.socket.send(b"x" * 20)
        assert one.ended() in (1008, None)
        assert other.show()["faces"]


def test_who_says_nothing_for_long_is_let_go(tmp_path):
    with serving(experiment(tmp_path), idle=0.3) as address, Camera(address) as camera:
        assert camera.ended() == 1000


def test_a_cut_connection_loses_nothing_that_was_learnt(address):
    camera = Camera(address)
    camera.start("cut")
    camera.show(picture(1))
    camera.socket.socket.shutdown(socket.SHUT_RDWR)
    camera.held.close()
    until(lambda: not people(address)["cut"]["watched"])
    assert people(address)["cut"]["faces"] == 1
    assert httpx.delete(f"{address}/api/people/cut").status_code == 204


def test_a_memory_whose_time_is_over_is_used_no_more(tmp_path):
    named = experiment(tmp_path)
    with serving(named) as address, Camera(address) as camera:
        camera.start("eve")
        store = named.store.build(Runtime())
        now = datetime.now(UTC)
        store.consent("eve", now, now)
        store.close()
        camera.show(picture(1))
        camera.say(type="pause")
        assert camera.hear("refused")["why"] == "unknown"
        assert camera.show(picture(2))["faces"][0]["person"] is None
        assert "eve" not in people(address)
        camera.say(type="continue", person="eve")
        assert camera.hear("refused")["why"] == "unknown"
        assert camera.start("eve")["faces"] == 0


def test_who_agrees_again_for_shorter_is_kept_for_shorter(address):
    with Camera(address) as camera:
        long = camera.start("sho", days=365)["expires"]
        camera.say(type="start", person="sho", days=1)
        short = camera.hear("person", person="sho")["expires"]
    assert datetime.fromisoformat(long) - datetime.fromisoformat(short) > timedelta(days=300)
    until(lambda: not people(address)["sho"]["watched"])
    assert httpx.delete(f"{address}/api/people/sho").status_code == 204


def test_consent_withdrawn_by_another_is_heard_while_paused(tmp_path, monkeypatch):
    monkeypatch.setattr(affmem.serve.watch, "EVERY", 0.1)
    named = experiment(tmp_path)
    with serving(named) as address, Camera(address) as camera:
        camera.start("wil")
        camera.show(picture(1))
        camera.say(type="pause")
        camera.hear("person", paused=True)
        store = named.store.build(Runtime())
        store.consent("wil", None, datetime.now(UTC))
        store.close()
        time.sleep(0.2)
        camera.show(picture(2))
        assert camera.hear("refused")["why"] == "unknown"
        assert camera.show(picture(3))["faces"][0]["memory"] is None


def test_who_has_no_consent_on_record_is_not_continued(tmp_path):
    named = experiment(tmp_path)
    store = named.store.build(Runtime())
    store.save("una", Kept({"x": np.zeros(1)}, 3, 1, {}), 0)
    store.close()
    with serving(named) as address, Camera(address) as camera:
        camera.say(type="continue", person="una")
        assert camera.hear("refused")["why"] == "unknown"


def test_whose_time_is_over_is_erased_while_the_server_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(affmem.serve.app, "EXPIRING", 0.2)
    named = experiment(tmp_path)
    with serving(named):
        store = named.store.build(Runtime())
        store.consent("old", datetime.now(UTC), datetime.now(UTC))
        until(lambda: not store.people())
        store.close()


def test_of_who_could_not_be_erased_nothing_more_is_learnt(tmp_path):
    file = str(tmp_path / "memories.sqlite")
    named = experiment(tmp_path, store={"use": "sql", "file": file, "wait": 0.3})
    with serving(named) as address, Camera(address) as camera:
        camera.start("ida")
        camera.say(type="pause")  # kept now
        camera.hear("person", paused=True)
        camera.say(type="resume")
        camera.hear("person", paused=False)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = httpx.delete(f"{address}/api/people/ida", timeout=20)
            other.execute("ROLLBACK")
        assert answer.status_code == 409
        assert "another process" in answer.json()["problem"]
        face = camera.show(picture(2))["faces"][0]
        assert (face["person"], face["learnt"]) == (None, False)
        assert httpx.delete(f"{address}/api/people/ida").status_code == 204


def test_an_expired_person_can_still_be_erased(tmp_path):
    named = experiment(tmp_path)
    with serving(named) as address:
        store = named.store.build(Runtime())
        store.consent("old", datetime.now(UTC), datetime.now(UTC))
        assert httpx.delete(f"{address}/api/people/old").status_code == 204
        assert not store.people()
        store.close()


@pytest.mark.parametrize("name", [".", "..", "anna/export", " anna", "a\nb"])
def test_no_one_has_a_name_whose_address_is_another_s(address, name):
    with Camera(address) as camera:
        camera.say(type="start", person=name, days=1)
        assert "expected" in camera.hear("error")["problem"]


def test_who_connects_and_says_nothing_is_let_go(address):
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as silent:
        assert silent.recv(1) == b""


def test_an_origin_that_is_no_address_is_refused(address):
    headers = {"Origin": "http://["}
    assert httpx.get(f"{address}/api/people", headers=headers).status_code == 403


def test_one_camera_too_many_is_refused_until_another_goes(tmp_path):
    with serving(experiment(tmp_path), connections=1) as address:
        with Camera(address) as first:
            first.show()
            with pytest.raises(InvalidStatus) as refused:
                Camera(address)
            assert refused.value.response.status_code == 503
        until(lambda: httpx.get(f"{address}/api/health").json()["watching"] == 0)
        with Camera(address) as second:
            assert second.show()["faces"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Host": "127.0.0.1.evil.example"}, 421),
     ({"Host": ""}, 421),
     ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
     ({"Origin": "http://127.0.0.1:1"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)  # fmt: skip
def test_another_site_s_page_is_refused(address, headers, status):
    assert httpx.get(f"{address}/api/people", headers=headers).status_code == status


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_s_page_cannot_watch(address, headers):
    with pytest.raises(InvalidStatus) as refused:
        Camera(address, **headers)
    assert refused.value.response.status_code == 403


def test_a_body_larger_than_any_address_takes_is_refused(address):
    answer = httpx.post(f"{address}/api/people/nobody/pause", content=bytes(5000))
    assert answer.status_code == 413


def test_more_requests_than_agreed_are_refused(tmp_path):
    with serving(experiment(tmp_path), requests=1.0) as address, httpx.Client() as client:
        codes = [client.get(f"{address}/api/health").status_code for _ in range(9)]
    assert codes[0] == 200
    assert codes[-1] == 429


def test_with_a_token_nothing_is_answered_without_it(tmp_path):
    with serving(experiment(tmp_path), TOKEN) as address:
        for path in ("/", "/page/app.js", "/api/people", "/api/openapi.json", "/?token=wrong"):
            assert httpx.get(f"{address}{path}").status_code == 401
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"affmem_token={TOKEN}"}):
            with pytest.raises(InvalidStatus):
                Camera(address, **wrong)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert httpx.get(f"{address}/api/people", headers=bearer).json() == []
        with Camera(address, **bearer) as camera:
            assert camera.show()["faces"]


def test_a_link_with_the_token_leaves_a_cookie_and_no_token_in_the_address(tmp_path):
    with serving(experiment(tmp_path), TOKEN) as address, httpx.Client() as browser:
        answer = browser.get(f"{address}/?token={TOKEN}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        said = answer.headers["set-cookie"].lower()
        assert "httponly" in said
        assert "samesite=strict" in said
        assert TOKEN not in said
        assert browser.get(f"{address}/").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "example.org", "::"])  # noqa: S104
def test_beyond_loopback_a_token_is_demanded(host):
    with pytest.raises(UserError, match="--token-file"):
        check_reach(host, None)


def test_a_taken_port_is_a_line():
    with listening("127.0.0.1", 0) as bound:
        socket.create_connection(bound.getsockname()).close()  # it waits, and is not refused
        bound.listen()
        with pytest.raises(UserError, match="--port"):
            listening("127.0.0.1", bound.getsockname()[1])


def test_a_token_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "token"
    token = token_in(path)
    assert token_in(path) == token
    assert len(token) > 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("short\n")
    with pytest.raises(UserError, match="expected a token"):
        token_in(path)


# --- what is answered -----------------------------------------------------------------------


def test_every_answer_says_that_nothing_is_loaded_from_elsewhere(address):
    for path in ("/", "/page/app.js", "/api/people", "/api/nowhere"):
        headers = httpx.get(f"{address}{path}").headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_the_page_names_no_other_host(address):
    for name in ("", "page/app.js", "page/link.js", "page/style.css", "page/colour.js"):
        text = httpx.get(f"{address}/{name}").text
        assert "//" not in text.replace("http://www.w3.org", "").replace("// ", "")


def test_the_description_has_every_address(address):
    described = httpx.get(f"{address}/api/openapi.json").json()
    people = "/api/people/{person}"
    assert {*described["paths"]} == {
        "/api/health", "/api/people", people, f"{people}/export", f"{people}/memory",
        f"{people}/pause", f"{people}/resume",
    }  # fmt: skip
    for verbs in described["paths"].values():
        assert all(verb["description"] for verb in verbs.values())


@pytest.mark.parametrize(
    "path", ["/page/../app.py", "/page/%2e%2e/app.py", "/page/%2e%2e%2fapp.py"]
)
def test_the_page_s_folder_cannot_be_left(address, path):
    host = address.removeprefix("http://")
    with socket.create_connection(host.split(":")) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert b" 404 " in raw.recv(999).splitlines()[0]


# --- its parts ------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_are_refused(data):
    with pytest.raises(NoPictureError):
        decoded(data, Limits())


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=8), st.sampled_from(["JPEG", "WEBP"]))
def test_a_damaged_picture_is_a_picture_or_is_refused(at, put, kind):
    data = bytearray(picture(kind=kind, side=32))
    data[at : at + len(put)] = put
    with suppress(NoPictureError):
        assert decoded(bytes(data), Limits()).ndim == 3


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded():
    data = picture(kind="JPEG", side=1281)
    tracemalloc.start()
    with pytest.raises(NoPictureError, match="1281 x 1281"):
        decoded(data, Limits(frame_bytes=10**8))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1281 * 1281


def test_a_bucket_never_gives_more_than_its_size_and_rate():
    now = [0.0]
    bucket = Bucket(10.0, 5.0, lambda: now[0])
    given_out = 0
    for _ in range(1000):
        given_out += bucket.take()
        now[0] += 0.01
    assert 100 <= given_out <= 105


affects = st.floats(-1, 1, width=32) | st.just(np.nan)


@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_any_network_lies_in_the_plane_as_json(units, width, data):
    numbers = st.floats(-10, 10, width=32)
    weights = np.array(
        data.draw(st.lists(numbers, min_size=units * width, max_size=units * width)), np.float32
    ).reshape(units, width)
    labels = np.array(
        data.draw(st.lists(affects, min_size=2 * units, max_size=2 * units)), np.float32
    ).reshape(units, 2)
    graph = layout({"weights": weights, "labels": labels})
    assert json.loads(json.dumps(graph, allow_nan=False)) == graph
    assert [one["unit"] for one in graph["nodes"]] == [*range(units)]
    assert graph["units"] == units
    assert all(abs(one["x"]) <= 1 and abs(one["y"]) <= 1 for one in graph["nodes"])


def test_of_a_large_network_those_that_won_most_are_drawn_under_their_own_numbers():
    rng = np.random.default_rng(0)
    wins = rng.permutation(MOST + 100)
    labels = rng.uniform(-1, 1, (len(wins), 2)).astype(np.float32)
    graph = layout({"weights": labels, "labels": labels, "wins": wins})
    assert len(graph["nodes"]) == MOST
    assert all(one["wins"] == wins[one["unit"]] >= 100 for one in graph["nodes"])


def test_pleasant_units_lie_to_the_right_and_aroused_ones_above():
    labels = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(9, 9)))[0][:2]
    points = placed(labels.astype(np.float64) @ turn, labels)
    assert np.corrcoef(points[:, 0], labels[:, 1])[0, 1] > 0.99
    assert np.corrcoef(points[:, 1], labels[:, 0])[0, 1] > 0.99


def test_a_memory_that_is_no_network_has_no_graph():
    assert layout({"total": np.zeros(3)}) == {"units": 0, "nodes": [], "edges": []}


def test_without_the_extra_a_line_says_what_to_install():
    code = "import sys; sys.modules['fastapi'] = None; from affmem.cli import main; main(['serve'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == "error: serving needs fastapi: pip install affmem[serve]\n"
