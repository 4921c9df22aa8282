/**
 * The frame codec against a plain copy: encoding makes a buffer, converts and checks; decoding checks and converts. The copy
 * makes a buffer of the frame's size and fills it. By processor time of this process, in blocks that take turns.
 *
 *   times the copy = our time ÷ that of the copy of as many bytes of logits
 */
import { decodeFrame, encodeFrame, headerBytes, maxFrameBytes, type ValueEncoding } from '@distillery/protocol';
import { randomFrom } from '@distillery/base';

import { type BenchOptions, type BenchTable, median } from './table.js';

const columns = 16;
const sizes = [64 * 1_024, maxFrameBytes];
const blockBytes = 256 * 2 ** 20;
const bytesOf = { Float32: 4, Float16: 2 } as const;

export function codecBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const rounds = Number(options.rounds ?? '7');
  const rows = sizes.flatMap((size) =>
    (['Float32', 'Float16'] as const).map((encoding) => {
      say(`${String(size / 1_024)} KiB, ${encoding}`);
      return rowOf(size, encoding, rounds);
    }),
  );
  return Promise.resolve({
    name: 'codec',
    goal: 'close to a copy of the logits',
    better: { 'encode, times the copy': 'less', 'decode, times the copy': 'less' },
    rows,
  });
}

function rowOf(size: number, encoding: ValueEncoding, rounds: number): BenchTable['rows'][number] {
  const rowsInFrame = Math.floor((size - headerBytes) / (bytesOf[encoding] * columns));
  const random = randomFrom(1);
  const logits = Float32Array.from({ length: rowsInFrame * columns }, () => 20 * random.unit() - 10);
  const header = { step: 0, shard: 0, augmentSeed: 1, teacherDigest: '00000000000000aa', topK: 0, temperature: 0 };
  const input = { ...header, encoding, rows: rowsInFrame, columns, logits };
  const frame = encodeFrame(input);
  const works = {
    copy: () => logits.slice(),
    encode: () => encodeFrame(input),
    decode: () => decodeFrame(frame),
  };
  const times: Record<keyof typeof works, number[]> = { copy: [], encode: [], decode: [] };
  const count = Math.ceil(blockBytes / logits.byteLength);
  for (let round = 0; round <= rounds; round++) {
    for (const name of ['copy', 'encode', 'decode'] as const) {
      const seconds = secondsOf(works[name], count);
      // The first round warms up.
      if (round > 0) times[name].push(seconds);
    }
  }
  const rate = (name: keyof typeof works): string => (blockBytes / median(times[name]) / 2 ** 30).toFixed(2);
  const factor = (name: keyof typeof works): string =>
    median(times[name].map((time, round) => time / (times.copy[round] ?? NaN))).toFixed(1);
  return {
    frame: `${String(size / 1_024)} KiB, ${encoding}`,
    'encode, GiB/s': rate('encode'),
    'decode, GiB/s': rate('decode'),
    'copy, GiB/s': rate('copy'),
    'encode, times the copy': factor('encode'),
    'decode, times the copy': factor('decode'),
  };
}

function secondsOf(work: () => unknown, count: number): number {
  const before = process.cpuUsage();
  for (let done = 0; done < count; done++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
