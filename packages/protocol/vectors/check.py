#!/usr/bin/env python3
"""Protocol v1 in plain Python 3, checked against the test vectors beside this file.

Written from docs/protocol.md alone, with nothing but the standard library, as a proof that the page is enough and as
a start for a foreign worker. Prints one line per kind of vector; exit code 1 when anything differs.
"""
import json
import math
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
U32 = 0xFFFFFFFF
MAX_SAFE = 2**53 - 1
MAX_FRAME_BYTES = 512 * 1024
MAX_FRAME_VALUES = 64 * MAX_FRAME_BYTES
MAX_TEMPERATURE = 1024


# Random numbers ------------------------------------------------------------------------------------------------------


def mix32(value):
    h = value & U32
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & U32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & U32
    return h ^ (h >> 16)


def seed_of(*parts):
    h = 0x9E3779B9
    for part in parts:
        h = mix32(h * 31 + mix32(part) + 0x9E3779B9)
    return h


class Random:
    def __init__(self, seed):
        self.a = mix32(seed)
        self.b = mix32(self.a + 0x9E3779B9)
        self.c = mix32(self.b + 0x9E3779B9)
        self.counter = 1
        for _ in range(12):
            self.uint32()

    def uint32(self):
        out = (self.a + self.b + self.counter) & U32
        self.counter = (self.counter + 1) & U32
        self.a = self.b ^ (self.b >> 9)
        self.b = (self.c + (self.c << 3)) & U32
        self.c = (((self.c << 21) | (self.c >> 11)) + out) & U32
        return out

    def unit(self):
        return self.uint32() / 2**32

    def below(self, bound):
        limit = 2**32 - 2**32 % bound
        while True:
            draw = self.uint32()
            if draw < limit:
                return draw % bound


# Schedule and shards -------------------------------------------------------------------------------------------------


def permutation(seed, epoch, samples):
    order = list(range(samples))
    random = Random(seed_of(1, seed, epoch))
    for last in range(samples - 1, 0, -1):
        other = random.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return order


def batch(seed, samples, batch_size, step):
    steps_per_epoch = -(-samples // batch_size)
    start = step % steps_per_epoch * batch_size
    epoch = step // steps_per_epoch
    return {
        "step": step,
        "epoch": epoch,
        "augmentSeed": seed_of(2, seed, step),
        "indices": permutation(seed, epoch, samples)[start : start + batch_size],
    }


def bytes_per_row(columns, encoding, top_k):
    width = 4 if encoding == "Float32" else 2
    return columns * width if top_k == 0 else top_k * (4 + width) + 4


def shard_count(batch_rows, row_bytes):
    rows_per_message = max(1, (MAX_FRAME_BYTES - 64) // row_bytes)
    return -(-batch_rows // rows_per_message)


def shard_rows(rows, shards, shard):
    return {"start": rows * shard // shards, "end": rows * (shard + 1) // shards}


def samples_of_rows(rows, positions):
    """The samples of a batch in which the rows lie."""
    first = rows["start"] // positions
    return {"start": first, "end": -(-rows["end"] // positions) if rows["end"] > rows["start"] else first}


# Augmentation --------------------------------------------------------------------------------------------------------


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def augment(samples, shape, shift, noise, seed, first_sample):
    if shift == 0 and noise == 0:
        return list(samples)
    height, width, channels = shape
    size = height * width * channels
    out = []
    for position in range(len(samples) // size):
        sample = samples[position * size : (position + 1) * size]
        random = Random(seed_of(seed, first_sample + position))
        if shift > 0:
            down = random.below(2 * shift + 1) - shift
            right = random.below(2 * shift + 1) - shift
            moved = []
            for y in range(height):
                for x in range(width):
                    inside = 0 <= y - down < height and 0 <= x - right < width
                    for channel in range(channels):
                        at = ((y - down) * width + x - right) * channels + channel
                        moved.append(sample[at] if inside else 0.0)
            sample = moved
        if noise > 0:
            noisy = []
            for value in sample:
                # Left to right: floating-point addition is not associative.
                normal = (random.unit() + random.unit() + random.unit() + random.unit() - 2) * 1.7320508075688772
                noisy.append(float32(min(1.0, max(0.0, value + normal * noise))))
            sample = noisy
        out.extend(sample)
    return out


# Logits frame --------------------------------------------------------------------------------------------------------


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = U32
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ U32


class FrameError(Exception):
    def __init__(self, kind, row=None, column=None):
        super().__init__(kind)
        self.kind, self.row, self.column = kind, row, column


def need(true, kind="malformed"):
    if not true:
        raise FrameError(kind)


def read_frame(data):
    """The header as a dictionary and the logits [rows * columns]."""
    need(data[:4] == b"DSLF"[: len(data)], "foreign")
    need(len(data) >= 64, "truncated")
    version, code, flags = struct.unpack_from("<BBH", data, 4)
    need(version == 1, "version")
    step, shard, rows, columns, k = struct.unpack_from("<QIIII", data, 8)
    seed, temperature, body_bytes, body_crc, reserved, header_crc = struct.unpack_from("<IfIIII", data, 40)
    need(crc32c(data[:60]) == header_crc, "damaged")
    need(code != 4, "unsupported")
    need(code < 4 and flags == 0 and reserved == 0)
    dense = code < 2
    encoding = "Float32" if code in (0, 2) else "Float16"
    need(dense == (k == 0))
    need(step <= MAX_SAFE and rows >= 1 and columns >= 1 and rows * columns <= MAX_FRAME_VALUES and k <= columns)
    need(temperature == 0 if dense else 0 < temperature <= MAX_TEMPERATURE)
    expected = rows * bytes_per_row(columns, encoding, k)
    need(body_bytes == expected and 64 + expected <= MAX_FRAME_BYTES)
    need(len(data) >= 64 + expected, "truncated")
    need(len(data) == 64 + expected)
    need(crc32c(data[64:]) == body_crc, "damaged")
    header = {
        "encoding": encoding,
        "topK": k,
        "step": step,
        "shard": shard,
        "rows": rows,
        "columns": columns,
        "teacherDigest": data[32:40].hex(),
        "augmentSeed": seed,
        "temperature": temperature,
    }
    letter = "f" if encoding == "Float32" else "e"
    if dense:
        values = struct.unpack_from(f"<{rows * columns}{letter}", data, 64)
        for at, value in enumerate(values):
            if not math.isfinite(value):
                raise FrameError("nonFinite", at // columns, at % columns)
        return header, list(values)
    ids = struct.unpack_from(f"<{rows * k}I", data, 64)
    masses = struct.unpack_from(f"<{rows}f", data, 64 + 4 * rows * k)
    values = struct.unpack_from(f"<{rows * k}{letter}", data, 64 + 4 * rows * k + 4 * rows)
    for at, value in enumerate(values):
        if not math.isfinite(value):
            raise FrameError("nonFinite", at // k, ids[at])
    logits = []
    for row in range(rows):
        kept_ids, kept, mass = ids[row * k : row * k + k], values[row * k : row * k + k], masses[row]
        if not math.isfinite(mass):
            raise FrameError("nonFinite", row)
        need(0 <= mass <= 1 and (k < columns or mass == 0))
        need(all(a < b for a, b in zip(kept_ids, kept_ids[1:])) and kept_ids[-1] < columns)
        logits.extend(spread(kept_ids, kept, mass, temperature, columns))
    return header, logits


def spread(ids, kept, mass, temperature, columns):
    rest = 0.0
    if len(ids) < columns:
        largest = max(kept)
        total = sum(math.exp((value - largest) / temperature) for value in kept)
        log_mass = math.log(mass) if mass > 0 else -math.inf
        odds = log_mass - math.log(max(1 - mass, 2**-25)) - math.log(columns - len(ids))
        rest = float32(largest + temperature * (math.log(total) + max(odds, -104)))
    row = [rest] * columns
    for column, value in zip(ids, kept):
        row[column] = value
    return row


# Work item -----------------------------------------------------------------------------------------------------------


def whole(value, most):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


FEATURE = re.compile("[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
FEATURES = ()  # what this reader has beyond the base of version 1


def missing_features(message, has=FEATURES):
    """Features in `requires` that the reader lacks; none when `requires` is absent or malformed."""
    required = message.get("requires", []) if isinstance(message, dict) else []
    if wrong_requires(required) is not None:
        return []
    return [feature for feature in required if feature not in has]


def wrong_requires(required):
    """Path of the first fault in the value of `requires`; None when it is sound."""
    if not isinstance(required, list) or len(required) > 32:
        return "requires"
    for at, feature in enumerate(required):
        if not isinstance(feature, str) or not FEATURE.fullmatch(feature):
            return f"requires.{at}"
    return None


def wrong_field(text):
    """Path of the first wrong field of a work item; None when it is sound. Unknown fields are ignored."""
    try:
        item = json.loads(text)
    except ValueError:
        return "(root)"
    if not isinstance(item, dict):
        return "(root)"
    if missing_features(item):
        return "requires"
    if item.get("version") != 1:
        return "version"
    if wrong_requires(item.get("requires", [])) is not None:
        return wrong_requires(item["requires"])
    for name, most in (("step", MAX_SAFE), ("shard", MAX_SAFE), ("firstRow", U32)):
        if not whole(item.get(name), most):
            return name
    indices = item.get("indices")
    if not isinstance(indices, list) or not 1 <= len(indices) <= 2**20:
        return "indices"
    for at, index in enumerate(indices):
        if not whole(index, U32):
            return f"indices.{at}"
    return None if whole(item.get("augmentSeed"), U32) else "augmentSeed"


ITEM_FIELDS = ("version", "requires", "step", "shard", "firstRow", "indices", "augmentSeed")


def read_item(text):
    """The fields of a sound work item that this reader knows."""
    return {name: value for name, value in json.loads(text).items() if name in ITEM_FIELDS}


# The vectors ---------------------------------------------------------------------------------------------------------

failures = 0


def check(kind, name, found, expected):
    global failures
    if found != expected:
        failures += 1
        print(f"DIFFERS {kind} {name}: found {str(found)[:200]}, expected {str(expected)[:200]}")


def load(name):
    return json.loads((HERE / name).read_text("utf-8"))


def data_of(name):
    return (HERE / name).read_bytes()


def floats_of(name):
    data = data_of(name)
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def check_random():
    vectors = load("random.json")
    for v in vectors["mix32"]:
        check("mix32", v["value"], mix32(v["value"]), v["mixed"])
    for v in vectors["seedOf"]:
        check("seedOf", v["parts"], seed_of(*v["parts"]), v["seed"])
    for kind in ("uint32", "unit"):
        for v in vectors[kind]:
            random = Random(v["seed"])
            check(kind, v["seed"], [getattr(random, kind)() for _ in v["draws"]], v["draws"])
    for v in vectors["below"]:
        random = Random(v["seed"])
        check("below", v["bound"], [random.below(v["bound"]) for _ in v["draws"]], v["draws"])
    return sum(len(group) for group in vectors.values())


def check_schedule():
    vectors = load("schedule.json")
    for v in vectors["permutations"]:
        check("permutation", v["seed"], permutation(v["seed"], v["epoch"], v["samples"]), v["permutation"])
    for v in vectors["schedules"]:
        check("stepsPerEpoch", v["seed"], -(-v["samples"] // v["batchSize"]), v["stepsPerEpoch"])
        for b in v["batches"]:
            check("batch", b["step"], batch(v["seed"], v["samples"], v["batchSize"], b["step"]), b)
    for v in vectors["shards"]:
        found = [shard_rows(v["rows"], v["shards"], shard) for shard in range(v["shards"])]
        check("shards", v["rows"], found, v["ranges"])
    for v in vectors["positions"]:
        found = []
        for shard in range(v["shards"]):
            rows = shard_rows(v["samples"] * v["positions"], v["shards"], shard)
            found.append({"rows": rows, "samples": samples_of_rows(rows, v["positions"])})
        check("positions", v["positions"], found, v["ranges"])
    for v in vectors["shardCounts"]:
        row_bytes = bytes_per_row(v["columns"], v["encoding"], v["topK"])
        check("shardCount", v["columns"], [row_bytes, shard_count(v["batchSize"], row_bytes)], [v["rowBytes"], v["shards"]])
    return sum(len(group) for group in vectors.values())


def check_augment():
    vectors = load("augment.json")
    for v in vectors:
        out = augment(floats_of(v["input"]), v["shape"], v["shift"], v["noise"], v["seed"], v["firstSample"])
        check("augment", v["name"], struct.pack(f"<{len(out)}f", *out), data_of(v["output"]))
    return len(vectors)


def check_frames():
    check("crc32c", "123456789", crc32c(b"123456789"), 0xE3069283)
    vectors = load("frames.json")
    for v in vectors["sound"]:
        header, logits = read_frame(data_of(v["file"]))
        check("header", v["name"], header, {name: v[name] for name in header})
        expected = floats_of(v["decoded"])
        # exp and log may differ in the last digit between libraries; dense frames are exact.
        tolerance = 0 if v["topK"] == 0 else 1e-5
        close = all(abs(a - b) <= tolerance * max(1, abs(b)) for a, b in zip(logits, expected))
        check("logits", v["name"], close and len(logits) == len(expected), True)
    for v in vectors["broken"]:
        expected = (v["error"], v.get("row"), v.get("column"))
        try:
            read_frame(data_of(v["file"]))
            found = "a frame"
        except FrameError as error:
            found = (error.kind, error.row, error.column)
        check("broken frame", v["name"], found, expected)
    return len(vectors["sound"]) + len(vectors["broken"])


def check_messages():
    items = load("work-items.json")
    for v in items["sound"]:
        check("work item", v["text"], [wrong_field(v["text"]), read_item(v["text"])], [None, v["item"]])
    for v in items["broken"]:
        check("broken work item", v["text"], wrong_field(v["text"]), v["field"])
    reference = load("messages.json")["reference"]
    check("reference", "digest", bool(re.fullmatch("[0-9a-f]{16}", reference["teacherDigest"])), True)
    check("reference", "rows", [len(row) for row in reference["logits"]], [reference["columns"]] * len(reference["indices"]))
    return len(items["sound"]) + len(items["broken"]) + 1


def check_requires():
    vectors = load("requires.json")
    for v in vectors:
        check("requires", v["text"], missing_features(json.loads(v["text"]), v["has"]), v["missing"])
    return len(vectors)


for part in (check_random, check_schedule, check_augment, check_frames, check_messages, check_requires):
    print(f"{part.__name__[6:]}: {part()} vectors")
print("all as expected" if failures == 0 else f"{failures} differ")
sys.exit(0 if failures == 0 else 1)
