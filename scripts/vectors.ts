/**
 * Writes the test vectors of protocol v1 into packages/protocol/vectors (`node scripts/vectors.ts`), or compares the files
 * there with the code's output (`--check`: exit code 1 and the names of the differing files).
 *
 * It runs the compiled protocol: `tsc -b packages/protocol` first.
 * The output depends only on the code: a difference is a change of the protocol and needs a new version.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import * as random from '@distillery/base';
import * as protocol from '@distillery/protocol';
import { crc32c } from '@node-rs/crc32';

const folder = new URL('../packages/protocol/vectors/', import.meta.url).pathname;
const files = new Map<string, Uint8Array>();
const addBinary = (name: string, bytes: Uint8Array): string => {
  files.set(name, bytes);
  return name;
};
const addFloats = (name: string, values: Float32Array): string =>
  addBinary(name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
const addJson = (name: string, value: unknown): void => {
  files.set(name, new TextEncoder().encode(`${JSON.stringify(value, null, 1)}\n`));
};
const floats = (seed: number, length: number, low: number, high: number): Float32Array => {
  const source = random.randomFrom(seed);
  return Float32Array.from({ length }, () => low + (high - low) * source.unit());
};

// Random numbers -------------------------------------------------------------------------------------------------

const seeds = [0, 1, 2, 42, 0x7fff_ffff, 0xffff_ffff];
addJson('random.json', {
  mix32: seeds.map((value) => ({ value, mixed: random.mix32(value) })),
  seedOf: [[], [0], [1], [1, 2], [2, 1], [1, 7, 0], [2, 7, 1406], [0xffff_ffff, 0xffff_ffff], [2 ** 40 + 3]].map(
    (parts) => ({ parts, seed: random.seedOf(...parts) }),
  ),
  uint32: seeds.map((seed) => {
    const source = random.randomFrom(seed);
    return { seed, draws: Array.from({ length: 8 }, () => source.uint32()) };
  }),
  unit: seeds.slice(0, 3).map((seed) => {
    const source = random.randomFrom(seed);
    return { seed, draws: Array.from({ length: 4 }, () => source.unit()) };
  }),
  // The last bounds reject about half and a third of the draws.
  below: [1, 2, 10, 60_000, 0x8000_0001, 0xaaaa_aaab, 0x1_0000_0000].map((bound) => {
    const source = random.randomFrom(bound);
    return { seed: bound % 0x1_0000_0000, bound, draws: Array.from({ length: 8 }, () => source.below(bound)) };
  }),
});

// Schedule and shards --------------------------------------------------------------------------------------------

const scheduleCases = [
  { seed: 1, samples: 10, batchSize: 4, epochs: 2 },
  { seed: 0, samples: 1, batchSize: 8, epochs: 3 },
  { seed: 7, samples: 12, batchSize: 4, epochs: 2 },
  { seed: 2 ** 33 + 5, samples: 9, batchSize: 2, epochs: 1 },
];
addJson('schedule.json', {
  permutations: [
    { seed: 1, epoch: 0, samples: 10 },
    { seed: 1, epoch: 1, samples: 10 },
    { seed: 2, epoch: 0, samples: 10 },
    { seed: 1, epoch: 0, samples: 1 },
    { seed: 3, epoch: 2, samples: 100 },
  ].map((given) => ({
    ...given,
    permutation: Array.from(protocol.permutation(given.seed, given.epoch, given.samples)),
  })),
  blockOrders: [
    { seed: 1, epoch: 0, samples: 10, blockRows: 4 },
    { seed: 1, epoch: 1, samples: 10, blockRows: 4 },
    { seed: 2, epoch: 0, samples: 1, blockRows: 8 },
    { seed: 5, epoch: 0, samples: 60, blockRows: 3 },
  ].map((given) => ({
    ...given,
    order: Array.from(protocol.blockOrder(given.seed, given.epoch, given.samples, given.blockRows)),
  })),
  schedules: scheduleCases.map((given) => {
    const plan = protocol.schedule({ ...given, positions: 1 });
    return {
      ...given,
      stepsPerEpoch: plan.stepsPerEpoch,
      batches: Array.from({ length: plan.steps }, (_, step) => ({
        step,
        epoch: plan.epochOf(step),
        augmentSeed: plan.augmentSeed(step),
        indices: Array.from(plan.indices(step)),
      })),
    };
  }),
  shards: [
    { rows: 128, shards: 1 },
    { rows: 128, shards: 3 },
    { rows: 7, shards: 4 },
    { rows: 2, shards: 4 },
  ].map((given) => ({
    ...given,
    ranges: Array.from({ length: given.shards }, (_, shard) => protocol.shardRows(given.rows, given.shards, shard)),
  })),
  // Shards cut rows: `samples` are those of the batch in which the rows lie.
  positions: [
    { samples: 3, positions: 1, shards: 3 },
    { samples: 2, positions: 5, shards: 3 },
    { samples: 1, positions: 4, shards: 6 },
  ].map((given) => ({
    ...given,
    ranges: Array.from({ length: given.shards }, (_, shard) => {
      const rows = protocol.shardRows(given.samples * given.positions, given.shards, shard);
      return { rows, samples: protocol.samplesOfRows(rows, given.positions) };
    }),
  })),
  shardCounts: [
    { batchSize: 128, columns: 10, encoding: 'Float16', topK: 0 },
    { batchSize: 256, columns: 1000, encoding: 'Float32', topK: 0 },
    { batchSize: 256, columns: 1000, encoding: 'Float16', topK: 0 },
    { batchSize: 4096, columns: 50_000, encoding: 'Float16', topK: 32 },
    { batchSize: 8, columns: 100_000, encoding: 'Float32', topK: 0 },
    // 128 rows are exactly 512 KiB, so the header does not fit any more.
    { batchSize: 128, columns: 1024, encoding: 'Float32', topK: 0 },
  ].map((given) => {
    const rowBytes = protocol.bytesPerRow(given.columns, given.encoding as 'Float32' | 'Float16', given.topK);
    return { ...given, rowBytes, shards: protocol.shardCount(given.batchSize, rowBytes) };
  }),
});

// Augmentation ---------------------------------------------------------------------------------------------------

const augmentCases = [
  { name: 'shift', shape: [5, 6, 1], samples: 3, shift: 2, noise: 0, seed: 11, firstSample: 0 },
  { name: 'noise', shape: [4, 4, 1], samples: 2, shift: 0, noise: 0.25, seed: 12, firstSample: 0 },
  { name: 'both', shape: [5, 4, 3], samples: 3, shift: 1, noise: 0.1, seed: 0xffff_ffff, firstSample: 0 },
  { name: 'both-later-rows', shape: [5, 4, 3], samples: 2, shift: 1, noise: 0.1, seed: 0xffff_ffff, firstSample: 1 },
  { name: 'shift-beyond', shape: [2, 3, 1], samples: 6, shift: 5, noise: 0, seed: 13, firstSample: 100 },
  { name: 'flip', shape: [2, 5, 3], samples: 4, shift: 0, noise: 0, flip: true, seed: 15, firstSample: 0 },
  { name: 'all', shape: [3, 4, 1], samples: 4, shift: 1, noise: 0.1, flip: true, seed: 16, firstSample: 2 },
  { name: 'identity', shape: [2, 2, 1], samples: 2, shift: 0, noise: 0, seed: 14, firstSample: 0 },
] as const;
addJson(
  'augment.json',
  augmentCases.map(({ name, shape, samples: count, shift, noise, seed, firstSample, ...rest }) => {
    const size = shape[0] * shape[1] * shape[2];
    // "both-later-rows" starts at sample 1 of "both": same samples, same draws, same result.
    const all = floats(name.startsWith('both') ? 77 : seed, (firstSample % 100 === 1 ? count + 1 : count) * size, 0, 1);
    const samples = all.slice(all.length - count * size);
    const input = addFloats(`augment-${name}-input.bin`, samples.slice());
    protocol.augmentations.image.apply(samples, { shift, noise, ...rest }, { seed, firstSample, shape });
    return {
      name,
      shape,
      samples: count,
      shift,
      noise,
      ...rest,
      seed,
      firstSample,
      input,
      output: addFloats(`augment-${name}.bin`, samples),
    };
  }),
);

// Frames ---------------------------------------------------------------------------------------------------------

const common = { step: 812, shard: 1, teacherDigest: '0123456789abcdef', augmentSeed: 0xdead_beef };
const wide = { ...common, rows: 3, columns: 10 };
const logits = floats(5, 30, -12, 12);
const peaked = logits.map((value) => value * 40);
const flat = new Float32Array(30).fill(1.5);
const sound = {
  'dense-f32': { ...wide, encoding: 'Float32', topK: 0, temperature: 0, logits },
  'dense-f16': { ...wide, encoding: 'Float16', topK: 0, temperature: 0, logits },
  'dense-f16-odd': {
    ...wide,
    rows: 1,
    columns: 3,
    encoding: 'Float16',
    topK: 0,
    temperature: 0,
    logits: logits.slice(0, 3),
  },
  'dense-largest-step': {
    ...wide,
    step: Number.MAX_SAFE_INTEGER,
    encoding: 'Float32',
    topK: 0,
    temperature: 0,
    logits,
  },
  'topk-f32': { ...wide, encoding: 'Float32', topK: 3, temperature: 4, logits },
  'topk-f16': { ...wide, encoding: 'Float16', topK: 3, temperature: 4, logits },
  'topk-mass-zero': { ...wide, encoding: 'Float32', topK: 2, temperature: 0.5, logits: peaked },
  'topk-flat-ties': { ...wide, encoding: 'Float32', topK: 1, temperature: 1, logits: flat },
  'topk-all-columns': { ...wide, encoding: 'Float32', topK: 10, temperature: 2, logits },
} as const satisfies Record<string, protocol.FrameInput>;

/** The frame with some bytes changed; `sealed` = with correct checksums, as from a faulty writer. */
function changed(name: keyof typeof sound, change: (view: DataView) => void, sealed = true): Uint8Array {
  const bytes = protocol.encodeFrame(sound[name]);
  const view = new DataView(bytes.buffer);
  change(view);
  if (sealed) {
    view.setUint32(52, crc32c(bytes.subarray(64)), true);
    view.setUint32(60, crc32c(bytes.subarray(0, 60)), true);
  }
  return bytes;
}

interface Broken {
  readonly bytes: Uint8Array;
  readonly error: protocol.FrameFault;
  readonly row?: number;
  readonly column?: number;
}
const dense = protocol.encodeFrame(sound['dense-f32']);
const malformed = (name: keyof typeof sound, change: (view: DataView) => void): Broken => ({
  bytes: changed(name, change),
  error: 'malformed',
});
const broken: Record<string, Broken> = {
  empty: { bytes: new Uint8Array(0), error: 'truncated' },
  'header-cut': { bytes: dense.slice(0, 63), error: 'truncated' },
  'body-missing': { bytes: dense.slice(0, 64), error: 'truncated' },
  'body-cut': { bytes: dense.slice(0, -1), error: 'truncated' },
  'foreign-text': { bytes: new TextEncoder().encode('{"loss":0.1}'), error: 'foreign' },
  'foreign-magic': { bytes: changed('dense-f32', (view) => view.setUint8(3, 0x47)), error: 'foreign' },
  'version-2': { bytes: changed('dense-f32', (view) => view.setUint8(4, 2)), error: 'version' },
  'header-bit': { bytes: changed('dense-f32', (view) => view.setUint8(16, 3), false), error: 'damaged' },
  'header-checksum-bit': { bytes: changed('dense-f32', (view) => view.setUint8(63, 0), false), error: 'damaged' },
  'body-bit': {
    bytes: changed('dense-f32', (view) => view.setUint8(100, view.getUint8(100) ^ 1), false),
    error: 'damaged',
  },
  'body-checksum': {
    bytes: (() => {
      const bytes = changed('dense-f32', (view) => view.setUint32(52, 1, true), false);
      new DataView(bytes.buffer).setUint32(60, crc32c(bytes.subarray(0, 60)), true);
      return bytes;
    })(),
    error: 'damaged',
  },
  'too-long': { bytes: Uint8Array.from([...dense, 0]), error: 'malformed' },
  sampled: { bytes: changed('dense-f32', (view) => view.setUint8(5, 4)), error: 'unsupported' },
  'encoding-unknown': malformed('dense-f32', (view) => view.setUint8(5, 5)),
  flags: malformed('dense-f32', (view) => view.setUint16(6, 1, true)),
  reserved: malformed('dense-f32', (view) => view.setUint32(56, 1, true)),
  'step-unsafe': malformed('dense-f32', (view) => view.setBigUint64(8, 2n ** 53n, true)),
  'rows-zero': malformed('dense-f32', (view) => view.setUint32(20, 0, true)),
  'columns-zero': malformed('dense-f32', (view) => view.setUint32(24, 0, true)),
  'columns-hostile': malformed('topk-f32', (view) => view.setUint32(24, 0xffff_ffff, true)),
  'rows-hostile': malformed('dense-f32', (view) => view.setUint32(20, 0xffff_ffff, true)),
  'dense-with-k': malformed('dense-f32', (view) => view.setUint32(28, 3, true)),
  'topk-without-k': malformed('topk-f32', (view) => view.setUint32(28, 0, true)),
  'k-beyond-columns': malformed('topk-f32', (view) => view.setUint32(28, 11, true)),
  'dense-with-temperature': malformed('dense-f32', (view) => view.setFloat32(44, 1, true)),
  'topk-temperature-nan': malformed('topk-f32', (view) => view.setFloat32(44, NaN, true)),
  'topk-temperature-high': malformed('topk-f32', (view) => view.setFloat32(44, 1025, true)),
  'body-bytes-wrong': malformed('dense-f32', (view) => view.setUint32(48, 124, true)),
  'topk-ids-repeated': malformed('topk-f32', (view) => view.setUint32(68, view.getUint32(64, true), true)),
  'topk-id-beyond': malformed('topk-f32', (view) => view.setUint32(72, 10, true)),
  'topk-mass-negative': malformed('topk-f32', (view) => view.setFloat32(100, -0.1, true)),
  'topk-mass-above-1': malformed('topk-f32', (view) => view.setFloat32(104, 1.5, true)),
  'topk-all-with-mass': malformed('topk-all-columns', (view) => view.setFloat32(64 + 120, 0.5, true)),
  'topk-mass-nan': {
    bytes: changed('topk-f32', (view) => view.setFloat32(108, NaN, true)),
    error: 'nonFinite',
    row: 2,
  },
  'f32-nan': {
    bytes: changed('dense-f32', (view) => view.setFloat32(64 + 4 * 14, NaN, true)),
    error: 'nonFinite',
    row: 1,
    column: 4,
  },
  'f16-infinite': {
    bytes: changed('dense-f16', (view) => view.setUint16(64 + 2 * 29, 0xfc00, true)),
    error: 'nonFinite',
    row: 2,
    column: 9,
  },
};

addJson('frames.json', {
  // Dense rows decode exactly; columns that a top-k frame left out, to a relative difference of 1e-5.
  sound: Object.entries(sound).map(([name, { logits: encoded, ...header }]) => {
    const bytes = protocol.encodeFrame({ ...header, logits: encoded });
    return {
      name,
      file: addBinary(`frame-${name}.bin`, bytes),
      ...header,
      encoded: addFloats(`frame-${name}-encoded-logits.bin`, encoded.slice()),
      decoded: addFloats(`frame-${name}-decoded-logits.bin`, protocol.decodeLogits(protocol.viewFrame(bytes))),
    };
  }),
  broken: Object.entries(broken).map(([name, { bytes, ...expected }]) => ({
    name,
    file: addBinary(`broken-${name}.bin`, bytes),
    ...expected,
  })),
});

// JSON messages --------------------------------------------------------------------------------------------------

const item = { version: 1, step: 812, shard: 1, firstRow: 64, indices: [5, 59_999, 0], augmentSeed: 0xdead_beef };
addJson('work-items.json', {
  sound: [
    item,
    { ...item, step: Number.MAX_SAFE_INTEGER, shard: 0, firstRow: 0, indices: [0xffff_ffff], augmentSeed: 0 },
  ]
    .map((value) => ({ text: JSON.stringify(value), item: value }))
    // An unknown field is ignored; a message may require nothing.
    .concat([
      { text: JSON.stringify({ ...item, priority: 1, note: { of: ['a', 'later', 'version'] } }), item },
      { text: JSON.stringify({ ...item, requires: [] }), item: { ...item, requires: [] } as typeof item },
    ]),
  // `field` is the path of the first wrong field; (root) for the message itself.
  broken: [
    { text: '', field: '(root)' },
    { text: 'step 812', field: '(root)' },
    { text: '[]', field: '(root)' },
    { text: 'null', field: '(root)' },
    { text: JSON.stringify({ ...item, requires: ['test.a', 'test.b'] }), field: 'requires' },
    // `requires` is checked first: the other fields may be those of a later version.
    { text: JSON.stringify({ ...item, requires: ['test.a'], indices: 'all' }), field: 'requires' },
    { text: JSON.stringify({ ...item, requires: 'test.a' }), field: 'requires' },
    { text: JSON.stringify({ ...item, requires: [''] }), field: 'requires.0' },
    { text: JSON.stringify({ ...item, version: 2 }), field: 'version' },
    { text: JSON.stringify({ ...item, step: -1 }), field: 'step' },
    { text: JSON.stringify({ ...item, step: 1.5 }), field: 'step' },
    { text: JSON.stringify({ ...item, step: 2 ** 53 }), field: 'step' },
    { text: JSON.stringify({ ...item, shard: '1' }), field: 'shard' },
    { text: JSON.stringify({ ...item, indices: [] }), field: 'indices' },
    { text: JSON.stringify({ ...item, indices: [1, -2] }), field: 'indices.1' },
    { text: JSON.stringify({ ...item, indices: [1, 2 ** 32] }), field: 'indices.1' },
    { text: JSON.stringify({ ...item, augmentSeed: 2 ** 32 }), field: 'augmentSeed' },
    { text: JSON.stringify({ ...item, augmentSeed: undefined }), field: 'augmentSeed' },
  ],
});

addJson('messages.json', {
  student: {
    attempt: 2,
    pod: 'mnist-student-x7k2p',
    phase: 'Training',
    runtime: 'wasm (SIMD, 1 thread)',
    step: 812,
    steps: 1407,
    epoch: 1,
    batchSize: 128,
    samplesPerSecond: 1210.5,
    unstarvedSamplesPerSecond: 1222.1,
    waitFraction: 0.01,
    loss: 0.21,
    accuracy: 0.973,
    buffer: { frames: 61, bytes: 187_392 },
    window: 64,
    fedSteps: 876,
    shards: 1,
    firstNeededSequence: 801,
    resumedFromStep: 800,
    damaged: [{ sequence: 815, shard: 0, step: 814, reason: 'logits frame: the body checksum does not fit' }],
    result: null,
    updatedAtMs: 1_764_000_000_000,
  },
  teacher: {
    pod: 'mnist-teacher-default-0',
    pool: 'default',
    phase: 'Ready',
    runtime: 'onnxruntime-node, CPU',
    protocolVersion: 1,
    samplesPerSecond: 900,
    capableSamplesPerSecond: 1183,
    busyFraction: 0.76,
    items: 420,
    duplicates: 1,
    failures: 0,
    accuracy: null,
    updatedAtMs: 1_764_000_000_000,
  },
  reference: {
    teacherDigest: common.teacherDigest,
    columns: 10,
    indices: [0, 1],
    logits: [Array.from(logits.subarray(0, 10)), Array.from(logits.subarray(10, 20))],
  },
  dead: {
    shard: 1,
    step: 812,
    teacher: 'mnist-teacher-default-0',
    deliveries: 6,
    error: 'sample 59999: label 12 is out of range',
    item,
  },
});

// Growth ---------------------------------------------------------------------------------------------------------

// `missing`: the features named in `requires` that a reader with the features `has` lacks.
addJson(
  'requires.json',
  [
    { requires: undefined, has: [] },
    { requires: [], has: [] },
    { requires: ['test.a'], has: [] },
    { requires: ['test.a'], has: ['test.a'] },
    { requires: ['test.b', 'test.a', 'test.c'], has: ['test.a'] },
  ].map(({ requires, has }) => {
    const message = { ...item, ...(requires === undefined ? {} : { requires }) };
    return { text: JSON.stringify(message), has, missing: protocol.missingFeatures(message, has) };
  }),
);

// Write or compare -----------------------------------------------------------------------------------------------

mkdirSync(folder, { recursive: true });
const kept = readdirSync(folder).filter((name) => name.endsWith('.json') || name.endsWith('.bin'));
if (process.argv.includes('--check')) {
  const same = (name: string): boolean =>
    kept.includes(name) && Buffer.compare(readFileSync(join(folder, name)), files.get(name) ?? Buffer.alloc(0)) === 0;
  const differing = [...new Set([...kept, ...files.keys()])].filter((name) => !files.has(name) || !same(name));
  for (const name of differing)
    console.error(`packages/protocol/vectors/${name} differs from the code: node scripts/vectors.ts`);
  process.exitCode = differing.length === 0 ? 0 : 1;
} else {
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
  const stale = kept.filter((name) => !files.has(name));
  for (const name of stale) console.error(`packages/protocol/vectors/${name} is no vector any more: delete it`);
  console.log(`${String(files.size)} vectors written`);
}
