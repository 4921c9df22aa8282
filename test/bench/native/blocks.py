"""The rival of blocks.ts: Python's TensorFlow trains the same student in blocks of steps.

Arguments: a JSON file (topology, input, columns, batch, loss), the way (tf.function or train_on_batch), threads. Each line
of standard input is "steps N"; each line of standard output says what they cost.
"""

import json
import resource
import sys
import time

import numpy as np
import tensorflow as tf
from tensorflow import keras

path, way, threads = sys.argv[1:]
tf.config.threading.set_intra_op_parallelism_threads(int(threads))
tf.config.threading.set_inter_op_parallelism_threads(1)
with open(path, encoding="utf8") as file:
    given = json.load(file)


def build(topology):
    """Keras' own layers by the topology, which is in the form of Keras 2."""
    made, inputs = {}, []
    for layer in topology["config"]["layers"]:
        config = dict(layer["config"])
        if layer["class_name"] == "InputLayer":
            tensor = keras.Input(config["batch_input_shape"][1:], dtype=config["dtype"], name=config["name"])
            inputs.append(tensor)
        else:
            if layer["class_name"] == "Dot":
                config["axes"] = tuple(config["axes"])
            before = [made[name] for name, *_ in layer["inbound_nodes"][0]]
            made_by = getattr(keras.layers, layer["class_name"])(**config)
            tensor = made_by(before if len(before) > 1 else before[0])
        made[layer["name"]] = tensor
    return keras.Model(inputs, made[topology["config"]["output_layers"][0][0]])


model = build(given["topology"])
optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-7)
temperature, soft_weight = given["loss"]["temperature"], given["loss"]["softWeight"]
columns, batch = given["columns"], given["batch"]
random = np.random.default_rng(1)
shape = [batch, *given["input"]["shape"]]
if given["input"]["dtype"] == "int32":
    samples = random.integers(given["input"]["values"], size=shape).astype(np.int32)
else:
    samples = random.random(shape).astype(np.float32)
labels = random.integers(columns, size=batch).astype(np.int32)
teacher = random.random([batch, columns]).astype(np.float32)


def loss_of(labels, teacher, logits):
    hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    target = tf.nn.softmax(teacher / temperature)
    own = tf.nn.log_softmax(logits / temperature)
    soft = tf.reduce_mean(tf.reduce_sum(target * (tf.nn.log_softmax(teacher / temperature) - own), -1))
    return (1 - soft_weight) * hard + soft_weight * temperature**2 * soft


if way == "tf.function":
    optimizer.build(model.trainable_variables)

    @tf.function
    def compiled(samples, labels, teacher):
        with tf.GradientTape() as tape:
            loss = loss_of(labels, teacher, model(samples, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    def step():
        return float(compiled(tf.constant(samples), tf.constant(labels), tf.constant(teacher)))

else:

    def from_both(both, logits):
        return loss_of(tf.cast(both[:, 0], tf.int32), both[:, 1:], logits)

    # XLA is slower on the CPU.
    model.compile(optimizer=optimizer, loss=from_both, jit_compile=False)
    targets = np.concatenate([labels[:, None].astype(np.float32), teacher], axis=1)

    def step():
        return float(np.asarray(model.train_on_batch(samples, targets)))


def write(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


write({"parameters": model.count_params(), "notes": [], "description": f"Python TensorFlow {tf.__version__}"})
for line in sys.stdin:
    steps = int(line.split()[1])
    wall, cpu, loss = time.perf_counter(), time.process_time(), None
    for _ in range(steps):
        loss = step()
    write(
        {
            "wallSeconds": time.perf_counter() - wall,
            "cpuSeconds": time.process_time() - cpu,
            "rssBytes": resident(),
            "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "result": loss,
        }
    )
