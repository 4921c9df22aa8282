/**
 * Frames through JetStream by our code against the plain client: a teacher's publishing with all its answers to errors and a
 * student's reader, beside `js.publish` and `consume` on a stream and a consumer of the same configuration. Both have the same
 * number of frames on the way, take turns in blocks, and end when the last frame has arrived.
 *
 *   ratio = our bytes per second ÷ those of the plain client in the same round
 */
import { randomBytes } from 'node:crypto';

import { encodeFrame, firstRank, headerBytes, jobNames } from '@distillery/protocol';
import { jetstream, type JetStreamManager } from '@nats-io/jetstream';

import { logitsReader, publishFrame } from '../../workers/stream/index.js';
import { type PasswordLogin, startTestNats, type TestNats } from '../kit/nats.js';
import { connectAdmin, connectAs, connectPlain, connectRoot, streamsOf } from '../kit/stream.js';

import { type BenchOptions, type BenchTable, leastAndMost, median } from './table.js';

const uid = 'bench-frames';
const KiB = 1_024;
const sizes = [64 * KiB, 512 * KiB];
const blockBytes = 48 * 2 ** 20;
const streamBytes = 4 * blockBytes;
/** Frames that wait for a confirmation at a time, as of several teachers. */
const onTheWay = 8;
const columns = 16;

/** One way of sending `frames`. @returns seconds until the last has arrived */
type Way = (frames: readonly Uint8Array[], firstStep: number) => Promise<number>;

export async function framesBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const rounds = Number(options.rounds ?? '40');
  const nats = await startTestNats({ uids: [uid] });
  const admin = await connectAdmin(nats);
  const { connection, manager } = await connectRoot(nats);
  const rows: BenchTable['rows'][number][] = [];
  try {
    await admin.provision(streamsOf(uid, { maxBytes: streamBytes }));
    const [own, plain] = [await ourWay(nats), await plainWay(nats, manager)];
    for (const size of sizes) {
      const frames = framesOf(size);
      const ratios: number[] = [];
      const rates = { ours: [] as number[], plain: [] as number[] };
      let step = 0;
      // The first round warms both up.
      for (let round = 0; round <= rounds; round++) {
        const seconds = { ours: NaN, plain: NaN };
        // The one that comes second finds the disk busier.
        for (const turn of round % 2 === 0 ? (['ours', 'plain'] as const) : (['plain', 'ours'] as const)) {
          seconds[turn] = await (turn === 'ours' ? own : plain).send(frames, step);
          await manager.streams.purge(turn === 'ours' ? jobNames(uid).streams.logits : plainStream);
        }
        const { ours, plain: theirs } = seconds;
        step += frames.length;
        if (round === 0) continue;
        rates.ours.push(blockBytes / ours / 2 ** 20);
        rates.plain.push(blockBytes / theirs / 2 ** 20);
        ratios.push(theirs / ours);
        say(`${String(size / KiB)} KiB, round ${String(round)}: ratio ${(theirs / ours).toFixed(3)}`);
      }
      rows.push({
        frame: `${String(size / KiB)} KiB`,
        'ours, MiB/s': Math.round(median(rates.ours)),
        'plain client, MiB/s': Math.round(median(rates.plain)),
        ratio: median(ratios).toFixed(3),
        'least … most': leastAndMost(ratios, 3),
      });
    }
    await own.close();
    await plain.close();
  } finally {
    await connection.close();
    await admin.close();
    await nats.stop();
  }
  return { name: 'frames', goal: 'ratio ≥ 0.9', better: { ratio: 'more' }, rows };
}

/** Whole frames of this size, of random numbers. */
function framesOf(size: number): readonly Uint8Array[] {
  const rowsInFrame = Math.floor((size - headerBytes) / (4 * columns));
  const logits = Float32Array.from(randomBytes(rowsInFrame * columns), (byte) => byte / 255);
  return Array.from({ length: blockBytes / size }, (_, step) =>
    encodeFrame({
      step,
      shard: 0,
      augmentSeed: 1,
      teacherDigest: '00000000000000aa',
      encoding: 'Float32',
      topK: 0,
      temperature: 0,
      rows: rowsInFrame,
      columns,
      logits,
    }),
  );
}

/** @param publish one frame */
async function sendAll(count: number, publish: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < count) await publish(next++);
  };
  await Promise.all(Array.from({ length: onTheWay }, sender));
}

/** Sends, and counts what a reader takes. */
function wayOf(taken: AsyncIterator<unknown>, publish: (frame: Uint8Array, step: number) => Promise<unknown>): Way {
  return async (frames, firstStep) => {
    const start = performance.now();
    const arrived = (async () => {
      let left = frames.length;
      while (left-- > 0) await taken.next();
    })();
    await sendAll(frames.length, (at) => publish(frames[at] ?? new Uint8Array(), firstStep + at));
    await arrived;
    return (performance.now() - start) / 1e3;
  };
}

async function ourWay(nats: TestNats<PasswordLogin>): Promise<{ send: Way; close: () => Promise<void> }> {
  const names = jobNames(uid);
  const [teacher, student] = [await connectAs(nats, 'teacher', uid), await connectAs(nats, 'student', uid)];
  const ended = new AbortController();
  const reader = logitsReader(student, names, firstRank, ended.signal);
  return {
    send: wayOf(reader, (frame, step) => publishFrame(teacher, names, { shard: 0, step }, frame)),
    close: async () => {
      ended.abort();
      await reader.next();
      await teacher.close();
      await student.close();
    },
  };
}

const plainStream = 'plain';

/** A stream and a consumer as the job has them, under other names. */
async function plainWay(
  nats: TestNats<PasswordLogin>,
  manager: JetStreamManager,
): Promise<{ send: Way; close: () => Promise<void> }> {
  const names = jobNames(uid);
  const consumerName = names.consumers.student(firstRank);
  const { config } = await manager.streams.info(names.streams.logits);
  await manager.streams.add({ ...config, name: plainStream, subjects: [`${plainStream}.>`] });
  const { config: ofConsumer } = await manager.consumers.info(names.streams.logits, consumerName);
  const isNoFilter = ([key]: [string, unknown]): boolean => !key.startsWith('filter_subject');
  await manager.consumers.add(plainStream, Object.fromEntries(Object.entries(ofConsumer).filter(isNoFilter)));
  const [sending, receiving] = [await connectPlain(nats, nats.root), await connectPlain(nats, nats.root)];
  const client = jetstream(sending);
  const consumer = await jetstream(receiving).consumers.get(plainStream, consumerName);
  const messages = await consumer.consume({ max_messages: 32 });
  return {
    send: wayOf(messages[Symbol.asyncIterator](), (frame, step) =>
      client.publish(`${plainStream}.0.${String(step)}`, frame),
    ),
    close: async () => {
      // Nothing iterates anymore, so that it would never say that it has ended.
      messages.stop();
      await sending.close();
      await receiving.close();
    },
  };
}
