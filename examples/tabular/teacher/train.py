#!/usr/bin/env python3
"""Trains the boosted trees of the example job and exports them to ONNX.

    python train.py                # data from .cache/examples/tabular, out teacher.onnx

The exported graph takes `features` [N,9] (float32, the columns of train.csv in their order) and returns
`logPrice` [N,1]: the natural logarithm of the price divided by 2,400 dollars. The test rows are only used for the report.
"""
import argparse
import hashlib
from pathlib import Path

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

HERE = Path(__file__).resolve().parent


def load(path):
    """Returns float32 features [n,9] and logarithms of prices [n]."""
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return table[:, :-1].astype(np.float32), table[:, -1]


def export(booster, columns, out):
    model = convert_lightgbm(booster, initial_types=[("features", FloatTensorType([None, columns]))],
                             target_opset=15, zipmap=False)
    # The converter names its output "variable".
    for node in model.graph.node:
        for at, name in enumerate(node.output):
            if name == model.graph.output[0].name:
                node.output[at] = "logPrice"
    model.graph.output[0].name = "logPrice"
    onnx.checker.check_model(model)
    out.write_bytes(model.SerializeToString(deterministic=True))


def report(out, features, logs):
    session = ort.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"features": features})[0][:, 0]
    print(f"mean error of the price  {100 * np.mean(np.abs(np.exp(answers - logs) - 1)):.2f} %")
    print(f"mean error of its log    {np.mean(np.abs(answers - logs)):.4f}")
    data = out.read_bytes()
    print(f"file                     {len(data)} bytes")
    print(f"sha256                   {hashlib.sha256(data).hexdigest()}")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--data", type=Path, help="folder with train.csv and test.csv",
                    default=HERE / "../../../.cache/examples/tabular/diamonds")
    ap.add_argument("--out", type=Path, default=HERE / "teacher.onnx")
    ap.add_argument("--trees", type=int, default=400)
    ap.add_argument("--leaves", type=int, default=31)
    ap.add_argument("--rate", type=float, default=0.06)
    ap.add_argument("--seed", type=int, default=1)
    args = ap.parse_args()

    features, logs = load(args.data / "train.csv")
    settings = dict(objective="regression", learning_rate=args.rate, num_leaves=args.leaves, min_data_in_leaf=20,
                    feature_fraction=0.9, bagging_fraction=0.9, bagging_freq=1, seed=args.seed, num_threads=1,
                    deterministic=True, force_row_wise=True, verbosity=-1)
    booster = lgb.train(settings, lgb.Dataset(features, logs), num_boost_round=args.trees)
    export(booster, features.shape[1], args.out)
    report(args.out, *load(args.data / "test.csv"))


if __name__ == "__main__":
    main()
