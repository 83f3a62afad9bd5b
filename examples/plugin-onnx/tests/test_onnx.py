"""A network that says the mean of each colour says so of the colours that it is shown."""

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
from affmem_onnx import OnnxConfig

from affmem import InputError, Runtime
from affmem.conformance import conforms

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def mean_of_each_colour(path, side=24, batch="n"):
    node = onnx.helper.make_node("GlobalAveragePool", ["face"], ["means"])
    numbers = onnx.TensorProto.FLOAT
    face = onnx.helper.make_tensor_value_info("face", numbers, [batch, 3, side, side])
    means = onnx.helper.make_tensor_value_info("means", numbers, [batch, 3, 1, 1])
    graph = onnx.helper.make_graph([node], "means", [face], [means])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


MODEL = mean_of_each_colour(Path(mkdtemp()) / "means.onnx")
test_it_keeps_its_promises = conforms("encoder:onnx", model=MODEL, side=24)


def faces(*colours):
    return np.float32(colours)[:, :, None, None] + np.zeros((1, 3, 96, 96), np.float32)


@pytest.mark.parametrize("batch", ["n", 1])
def test_colours_arrive_as_the_settings_say(batch, tmp_path):
    model = mean_of_each_colour(tmp_path / "means.onnx", batch=batch)
    given = faces([1, 0, -1], [0.5, 0.5, 0.5])
    plain = OnnxConfig(model, side=24).build(Runtime()).encode(given)
    assert np.allclose(plain, [[1, 0, -1], [0.5, 0.5, 0.5]], atol=1e-6)
    other = {"channels": "bgr", "mean": (0.0, 0.0, 0.5), "std": (1.0, 0.5, 0.25)}
    turned = OnnxConfig(model, side=24, **other).build(Runtime()).encode(given)
    assert np.allclose(turned[0], [0, 1, 2], atol=1e-6)


def test_what_cannot_be_used_is_told_in_a_line(tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    for config, told in (
        (OnnxConfig(tmp_path / "nowhere.onnx"), "no such file"),
        (OnnxConfig(tmp_path / "text.onnx"), "cannot be read as ONNX"),
        (OnnxConfig(MODEL), r"expected \[n, 3, 112"),
        (OnnxConfig(MODEL, side=24, output="mean"), "did you mean 'means'"),
    ):
        with pytest.raises(InputError, match=told) as error:
            config.build(Runtime())
        assert "\n" not in str(error.value)
