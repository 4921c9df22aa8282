/**
 * The thread that fetches parts of remote files. The process that asks waits for each (ranged-files.ts), so nothing here
 * may wait for that process.
 */
import { setDefaultCACertificates } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

import { crossingOf, DistilleryError, randomFrom, reasonOf } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import { RemoteError } from './errors.js';
import {
  type BlockOrder,
  maxFaultBytes,
  type RangedFile,
  type RangeThreadData,
  states,
  type ThreadMessage,
} from './range-wire.js';
import { Transport } from './requests.js';
import { type RetryTools, withRetries } from './retries.js';
import { objectSource } from './s3.js';
import { ifRangeOf, isOfOther, partIn, type Source } from './source.js';
import { webSource } from './web.js';

const data = workerData as RangeThreadData;
const slots = new Int32Array(data.memory.states);
const blocks = new Uint8Array(data.memory.blocks);
const never = new AbortController().signal;
const tools: RetryTools = {
  clock: systemClock,
  random: randomFrom(data.seed),
  // The reader says what went wrong in the end.
  log: { info: () => undefined, warn: (text) => say({ kind: 'warning', text }) },
  limits: data.retries,
  signal: never,
};
const transport = new Transport(data.transport);

setDefaultCACertificates([...data.authorities]);
parentPort?.on('message', (order: BlockOrder) => void fill(order));
say({ kind: 'ready' });

function say(message: ThreadMessage): void {
  parentPort?.postMessage(message);
}

async function fill(order: BlockOrder): Promise<void> {
  try {
    const file = data.files[order.file];
    if (file === undefined) throw new RangeError(`file ${String(order.file)}`);
    const source = sourceOf(file);
    await withRetries({ attempt: () => fetchBlock(source, file, order), furthest: 0 }, file.about, tools);
    end(order, states.here);
  } catch (error) {
    const known =
      error instanceof DistilleryError
        ? error
        : new RemoteError('unreachable', { about: '', problem: reasonOf(error), remedy: 'try again later' });
    const at = order.slot * data.memory.blockBytes;
    const most = Math.min(maxFaultBytes, data.memory.blockBytes) - 4;
    const text = new TextEncoder().encode(JSON.stringify(crossingOf(known))).subarray(0, most);
    new DataView(data.memory.blocks).setUint32(at, text.length, true);
    blocks.set(text, at + 4);
    end(order, states.failed);
  }
}

/** A reader that waits in the other thread sees the state; one that does not gets the message. */
function end({ id, key, slot }: BlockOrder, how: number): void {
  Atomics.store(slots, slot, how);
  Atomics.notify(slots, slot);
  say({ kind: 'answered', id, key });
}

function sourceOf({ about, place }: RangedFile): Source {
  if (place.kind === 'web') return webSource(place, about, data.credentials, transport);
  const bucket = { bucket: place.bucket, credentials: data.credentials, transport, clock: systemClock };
  return objectSource(bucket, place.key);
}

/** @throws RemoteError */
async function fetchBlock(source: Source, file: RangedFile, { position, length, slot }: BlockOrder): Promise<void> {
  const { about, version } = file;
  const headers = {
    range: `bytes=${String(position)}-${String(position + length - 1)}`,
    'if-range': ifRangeOf(version) ?? '',
    'accept-encoding': 'identity',
  };
  const answer = await source.ask(headers, never);
  try {
    const part = partIn(answer);
    if (part === null || isOfOther(version, answer) || part.total !== version.length) {
      const problem = 'the content changed while it was read in parts';
      throw new RemoteError('changed', { about, problem, remedy: 'try again when no program writes it' });
    }
    if (part.first !== position) {
      const problem = `the server answers with another part than the one from byte ${String(position)}`;
      throw new RemoteError('refused', { about, problem, remedy: 'check the server, or what lies between' });
    }
    const to = slot * data.memory.blockBytes;
    let got = 0;
    for await (const piece of answer.body) {
      if (got + piece.length > length) break;
      blocks.set(piece, to + got);
      got += piece.length;
    }
    if (got === length) return;
    const problem = `the server ended a part after ${String(got)} of ${String(length)} bytes`;
    throw new RemoteError('cut', { about, problem, remedy: 'try again later' });
  } finally {
    answer.drop();
  }
}
