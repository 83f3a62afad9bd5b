"""Rendered faces: meshes, rasteriser, expressions, pictures, dataset."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from affmem import Affect, Clip, InputError, Runtime
from affmem.alignment import TEMPLATE, similarity
from affmem.expression import ACTIONS, COUNT
from affmem.protocols import Dataset
from affmem_faces.config import MTCNNConfig
from affmem_rendered.actions import GAZE, SHAPES
from affmem_rendered.config import RenderedConfig
from affmem_rendered.meshes import NEUTRAL, Meshes, read_meshes
from affmem_rendered.model import load_model
from affmem_rendered.portrait import landmarks_of, posed, render, render_face, sample_person
from affmem_rendered.raster import FAR, develop, normals_of, occlusion_of, rasterise
from affmem_rendered.scene import Pose, Scene, backdrop_of, sample_scene, take

ROOT = Path(__file__).parents[3] / "shared" / "ict"
with_meshes = pytest.mark.skipif(not ROOT.exists(), reason="needs the meshes in ../shared/ict")
few = settings(max_examples=10, deadline=None)
unit = st.floats(-1, 1, width=32)
affects = st.builds(Affect, arousal=unit, valence=unit)
seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def model():
    return load_model(ROOT)


@pytest.fixture(scope="module")
def person(model):
    return sample_person(model, np.random.default_rng(3), 0.0)


# the rasteriser


def cross(start, end, x, y):
    return (end[0] - start[0]) * (y - start[1]) - (end[1] - start[1]) * (x - start[0])


def slow_raster(points, triangles, height, width):
    """Every sample against every triangle, with numpy."""
    depth = np.full((height, width), FAR, np.float32)
    owner = np.full((height, width), -1, np.int32)
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for k, corners in enumerate(triangles):
        a, b, c = points[corners].astype(np.float64)
        area = -cross(a, b, c[0], c[1])
        if area <= 0:
            continue
        u, v, w = cross(b, c, x, y), cross(c, a, x, y), cross(a, b, x, y)
        z = (-(u * a[2] + v * b[2] + w * c[2]) * (1.0 / area)).astype(np.float32)
        here = (u <= 0) & (v <= 0) & (w <= 0) & (z > depth)
        depth[here], owner[here] = z[here], k
    return depth, owner


places = st.integers(-20, 60).map(lambda n: n / 4)


@given(
    st.lists(st.tuples(places, places, st.integers(-8, 8)), min_size=3, max_size=12),
    st.integers(1, 9),
    st.integers(1, 9),
    seeds,
)
def test_the_rasteriser_agrees_with_a_plain_one(corners, height, width, seed):
    points = np.array(corners, np.float32)
    triangles = np.random.default_rng(seed).integers(0, len(points), (9, 3), np.int32)
    depth = np.full((height, width), FAR, np.float32)
    owner = np.full((height, width), -1, np.int32)
    rasterise(points, triangles, depth, owner)
    expected_depth, expected_owner = slow_raster(points, triangles, height, width)
    np.testing.assert_array_equal(owner, expected_owner)
    np.testing.assert_array_equal(depth, expected_depth)


@given(seeds)
def test_neighbours_leave_no_gap(seed):
    """A square cut at any inner point into four triangles covers each of its samples."""
    x, y = np.random.default_rng(seed).uniform(1, 11, 2)
    points = np.array([[0, 0, 0], [12, 0, 0], [12, 12, 0], [0, 12, 0], [x, y, 0]], np.float32)
    triangles = np.array([[1, 0, 4], [2, 1, 4], [3, 2, 4], [0, 3, 4]], np.int32)
    depth, owner = np.full((12, 12), FAR, np.float32), np.full((12, 12), -1, np.int32)
    rasterise(points, triangles, depth, owner)
    assert (owner >= 0).all()


def test_normals_of_a_ball_point_outward():
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 41), np.linspace(-1.4, 1.4, 21))
    ball = [np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)]
    points = np.stack(ball, axis=-1).reshape(-1, 3).astype(np.float32)
    grid = np.arange(21 * 41).reshape(21, 41)
    a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]
    triangles = np.stack([a, b, c, c, b, d], axis=-1).reshape(-1, 3).astype(np.int32)
    normals = np.empty_like(points)
    normals_of(points, triangles, normals)
    inner = grid[1:-1, 1:-1].ravel()
    assert (normals[inner] * points[inner]).sum(axis=1).min() > 0.99


def test_a_hole_is_dark_and_a_plane_is_not():
    depth = np.zeros((40, 40), np.float32)
    depth[18:22, 18:22] = -2.0
    occlusion = np.empty_like(depth)
    occlusion_of(depth, 5, 2.0, occlusion)
    assert occlusion[20, 20] > 0.8
    assert occlusion[5, 5] == 0
    depth[:] = FAR
    occlusion_of(depth, 5, 2.0, occlusion)
    assert not occlusion.any()


def test_a_pixel_is_the_mean_of_its_samples():
    lit = np.zeros((4, 4, 3), np.float32)
    owner = np.full((4, 4), -1, np.int32)
    lit[0, 0], owner[0, 0] = 1.0, 7
    picture = np.full((2, 2, 3), 0.36, np.float32)
    develop(lit, owner, 2, picture)
    assert picture[0, 0, 0] == pytest.approx(np.sqrt((1.0 + 3 * 0.36) / 4))
    assert picture[1, 1, 2] == pytest.approx(0.6)


# the meshes


def test_a_folder_without_meshes_is_a_users_mistake(tmp_path):
    with pytest.raises(InputError, match=r"ict_facekit\.npz .*docs/datasets\.md") as caught:
        RenderedConfig(tmp_path).build(Runtime())
    assert "\n" not in str(caught.value)
    (tmp_path / "ict_facekit.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"vertex_indices\.json"):
        RenderedConfig(tmp_path).build(Runtime())
    (tmp_path / "vertex_indices.json").write_text("{}")
    for bytes_ in (b"nothing", b"PK\x03\x04 broken off", b""):
        (tmp_path / "ict_facekit.npz").write_bytes(bytes_)
        with pytest.raises(InputError, match="no meshes"):
            RenderedConfig(tmp_path).build(Runtime())


@with_meshes
def test_meshes_that_lack_a_part_are_a_users_mistake(monkeypatch):
    known = read_meshes(ROOT)
    for change, name in (
        ({"materials": ["x", *known.materials[1:]]}, known.materials[0]),
        ({"expressions": [n.replace("jawOpen", "x") for n in known.expressions]}, "jawOpen"),
        ({"expressions": [n.replace("eyeBlink_R", "x") for n in known.expressions]}, "eyeBlink"),
    ):
        changed = evolve(known, **change)
        monkeypatch.setattr("affmem_rendered.model.read_meshes", lambda _, it=changed: it)
        with pytest.raises(InputError, match=f"lack the .* {name}$"):
            load_model.__wrapped__(ROOT)


@with_meshes
def test_the_kits_own_files_hold_the_same(tmp_path):
    folder = tmp_path / "FaceXModel"
    folder.mkdir()
    known = read_meshes(ROOT)
    kept = np.arange(40)
    small = known.triangles[(known.triangles < 40).all(axis=1)]
    faces = "usemtl M_Face\n" + "".join(f"f {a}/1 {b}/2 {c}/3\n" for a, b, c in small + 1)
    quad = "usemtl M_Teeth\nf 1/1 2/2 3/3 4/4\n"

    def write(name: str, points: np.ndarray) -> None:
        lines = "".join(f"v {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in points[kept])
        (folder / name).write_text("# made\n" + lines + "vt 0.5 0.5\nvn 0 0 1\n" + faces + quad)

    write(NEUTRAL, known.vertices)
    for mode, offset in enumerate(known.identity):
        write(f"identity{mode:03d}.obj", known.vertices + offset.astype(np.float32))
    for name, offset in zip(known.expressions, known.expression, strict=True):
        write(f"{name}.obj", known.vertices + offset.astype(np.float32))
    marks = {"idx_to_landmark_verts": [0] * 68}
    (folder / "vertex_indices.json").write_text(json.dumps(marks))

    read = read_meshes(tmp_path)
    assert isinstance(read, Meshes)
    assert sorted(read.expressions) == sorted(known.expressions)
    order = [read.expressions.index(name) for name in known.expressions]
    np.testing.assert_allclose(read.vertices, known.vertices[:40], atol=1e-5)
    np.testing.assert_allclose(read.identity, known.identity[:, :40], atol=2e-3)
    np.testing.assert_allclose(read.expression[order], known.expression[:, :40], atol=2e-3)
    assert read.materials == ["M_Face", "M_Teeth"]
    assert read.triangles[-2:].tolist() == [[0, 1, 2], [0, 2, 3]]
    np.testing.assert_array_equal(read.triangles[:-2], small)
    for missing in ("identity042.obj", "browDown_L.obj"):
        (folder / missing).write_text("v 0 0 0\n")
        with pytest.raises(InputError, match="no meshes"):
            read_meshes(tmp_path)


@with_meshes
def test_every_unit_and_gaze_moves_shapes_that_exist(model):
    assert {unit for unit in ACTIONS if unit not in SHAPES} == {"AU54"}
    known = {name.removesuffix("_L").removesuffix("_R") for name in model.names}
    for shapes in SHAPES.values():
        assert set(shapes) <= known
    assert set(GAZE) <= known
    assert model.table.shape == (2, COUNT, len(model.names))
    moved = model.table.sum(axis=(0, 2))
    assert (moved[[ACTIONS.index(unit) for unit in SHAPES]] > 0.3).all()


# a face


def corners(model, person, affect, scene):
    points = landmarks_of(model, posed(model, person, affect, scene))
    return similarity(points, TEMPLATE)[:, :2] @ (points - points.mean(axis=0)).T


@with_meshes
@few
@given(affect=affects, seed=seeds, size=st.sampled_from([16, 32, 96]))
def test_the_same_again_and_of_the_right_kind(model, person, affect, seed, size):
    def face():
        rng = np.random.default_rng(seed)
        return render_face(model, person, affect, sample_scene(rng), size, rng)

    image = face()
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.std() > 5
    np.testing.assert_array_equal(image, face())


@with_meshes
@few
@given(affect=affects, seed=seeds)
def test_landmarks_lie_on_the_template(model, person, affect, seed):
    scene = sample_scene(np.random.default_rng(seed))
    points = landmarks_of(model, posed(model, person, affect, scene))
    placement = similarity(points, TEMPLATE)
    placed = points @ placement[:, :2].T + placement[:, 2]
    assert np.abs(placed - TEMPLATE).max() < 0.14  # one similarity cannot fit five points
    assert np.abs(placed - TEMPLATE).mean() < 0.05


@with_meshes
def test_a_face_is_upright_and_turned_as_asked(model, person):
    rest = landmarks_of(model, posed(model, person, Affect(0, 0), Scene()))
    assert rest[0, 0] < rest[2, 0] < rest[1, 0]
    assert rest[0, 1] < rest[2, 1] < rest[3, 1]
    turned = landmarks_of(model, posed(model, person, Affect(0, 0), Scene(Pose(yaw=0.3))))
    assert turned[2, 0] > rest[2, 0] + 1
    tilted = landmarks_of(model, posed(model, person, Affect(0, 0), Scene(Pose(roll=0.2))))
    assert tilted[1, 1] - tilted[0, 1] > 0.5
    nodding = landmarks_of(model, posed(model, person, Affect(0, 0), Scene(Pose(pitch=0.2))))
    between = [p[2, 1] - p[:2, 1].mean() for p in (rest, nodding)]
    assert between[1] > between[0] + 0.5


@with_meshes
def test_the_mouths_corners_rise_with_valence(model):
    for seed in range(8):
        person = sample_person(model, np.random.default_rng(seed), 0.2)

        def rise(valence: float, person=person) -> float:
            points = posed(model, person, Affect(0.0, valence), Scene())
            lips = points[model.marks[[51, 57]], 1].mean()
            return float(points[model.marks[[48, 54]], 1].mean() - lips)

        heights = [rise(valence) for valence in np.linspace(-1, 1, 9)]
        assert (np.diff(heights) > -0.02).all()
        assert heights[-1] - heights[0] > 0.7


@with_meshes
def test_lids_and_jaw_open_with_arousal(model, person):
    def opening(arousal: float) -> tuple[float, float]:
        points = posed(model, person, Affect(arousal, 0.0), Scene())[model.marks]
        lids = points[[37, 38, 43, 44], 1].mean() - points[[40, 41, 46, 47], 1].mean()
        return float(lids), float(points[62, 1] - points[66, 1])

    lids, jaws = zip(*(opening(arousal) for arousal in np.linspace(-1, 1, 9)), strict=True)
    assert (np.diff(lids) > -0.02).all()
    assert lids[-1] > lids[4] > 3 * max(lids[0], 0.05)
    assert jaws[-1] > jaws[4] + 1.0


@with_meshes
def test_affect_changes_the_picture_smoothly_and_where_it_should(model, person):
    def face(arousal: float, valence: float) -> np.ndarray:
        image = render_face(model, person, Affect(arousal, valence), Scene(), 96)
        return image.astype(np.float32)

    faces = [face(0.0, valence) for valence in np.linspace(-1, 1, 41)]
    steps = [float(np.abs(b - a).mean()) for a, b in pairwise(faces)]
    assert 0 < max(steps) < 2.0
    changed = np.abs(face(0.0, 0.9) - face(0.0, 0.0)).mean(axis=2)
    assert changed[55:85, 25:71].mean() > 2 * changed[:20].mean()  # the mouth, not the forehead
    changed = np.abs(face(-0.9, 0.0) - face(0.0, 0.0)).mean(axis=2)
    assert changed[30:46, 22:74].mean() > changed[60:80, 35:61].mean()  # the eyes, not the mouth


@with_meshes
def test_persons_differ_in_look_and_manner(model):
    first, second = (sample_person(model, np.random.default_rng(seed), 0.35) for seed in (1, 2))
    assert np.abs(first.rest - second.rest).max() > 0.5
    assert (first.texture != second.texture).mean() > 0.5
    assert np.abs(first.manner.gain - second.manner.gain).max() > 0.1


@with_meshes
def test_scenes_change_the_picture(model, person):
    plain = render_face(model, person, Affect(0, 0), Scene(), 64)
    poor = evolve(Scene(), blur=1.0, noise=0.02, quality=40, exposure=0.8)
    assert (render_face(model, person, Affect(0, 0), poor, 64) != plain).mean() > 0.5
    shut = evolve(Scene(), pose=Pose(blink=1.0))
    apart = np.abs(render_face(model, person, Affect(0, 0), shut, 64).astype(int) - plain)
    assert apart[18:34].mean() > 3 * apart[50:].mean()


@with_meshes
def test_a_face_finder_finds_the_face_where_it_is(model):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        person = sample_person(model, rng, 0.35)
        scene = evolve(Scene(), backdrop=(0.5, 0.5, 0.45), clutter=0.3)
        points = posed(model, person, Affect(0.1, 0.5), scene)
        placement = np.array([[5.0, 0.0, 130.0], [0.0, 5.0, 110.0]])
        picture = backdrop_of(scene, 256, rng)
        render(model, person, points, placement, scene, picture)
        image = take(picture, scene, rng)
        (found,) = MTCNNConfig().build(Runtime()).find([image])
        assert found is not None
        marks = landmarks_of(model, points)
        ours = render_face(model, person, Affect(0.1, 0.5), scene, 96).astype(np.float32)
        theirs = (found.transpose(1, 2, 0) + 1) * 127.5
        assert np.hypot(*(marks[1] - marks[0])) > 4
        inner = (slice(30, 80), slice(25, 71))
        assert np.corrcoef(ours[inner].ravel(), theirs[inner].ravel())[0, 1] > 0.75


# the dataset


@with_meshes
def test_the_dataset_lists_a_labelled_clip_a_face():
    data = RenderedConfig(ROOT, persons=3, faces_per_person=4).build(Runtime(seed=1))
    assert isinstance(data, Dataset)
    assert data.unit == "frame"
    assert len(data.notes()) == 1
    clips = data.clips()
    assert len(clips) == len({clip.name for clip in clips}) == 12
    assert len({clip.person for clip in clips}) == 3
    (frame,) = data.frames(clips[5])
    assert frame.image.shape == (96, 96, 3)
    assert frame.image.dtype == np.uint8
    assert frame.affect == clips[5].affect
    with pytest.raises(InputError, match="stranger"):
        next(data.frames(Clip("stranger", "x")))


@with_meshes
def test_the_dataset_is_the_same_again_and_another_at_another_seed():
    def bytes_of(seed: int, order: int) -> list[bytes]:
        data = RenderedConfig(ROOT, persons=2, faces_per_person=2).build(Runtime(seed=seed))
        return [next(data.frames(clip)).image.tobytes() for clip in data.clips()[::order]][::order]

    assert bytes_of(4, 1) == bytes_of(4, -1)
    assert bytes_of(4, 1) != bytes_of(5, 1)
