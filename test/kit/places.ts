/** Places for tests: a cache folder of their own, short waits, and a log that is kept. */
import { randomBytes } from 'node:crypto';

import { randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import { rangedLimits, retryLimits, Places, type PlacesOptions, transportLimits } from '../../workers/places/index.js';

export interface TestPlaces {
  readonly places: Places;
  /** Lines of the log, with their fields. */
  readonly lines: string[];
}

export interface TestPlacesOptions {
  readonly folder: string;
  readonly maxBytes?: number | null;
  readonly credentials?: Partial<PlacesOptions['credentials']>;
  /** Of the process for which they stand; absent = this one. */
  readonly pid?: number;
  readonly isAlive?: (pid: number) => boolean;
  readonly stallMs?: number;
  readonly signal?: AbortSignal;
  readonly ranged?: { readonly blockBytes: number; readonly memoryBytes: number };
}

/** As it is built: a thread has no transformer of tests. */
const thread = new URL('../../dist/workers/places/range-thread.js', import.meta.url);
const none = { kind: 'variables', values: {} } as const;

export function testPlaces(options: TestPlacesOptions): TestPlaces {
  const { folder, maxBytes = null, credentials, pid = process.pid, isAlive = () => true, stallMs = 60_000 } = options;
  const lines: string[] = [];
  const places = new Places({
    cache: {
      folder,
      maxBytes,
      owner: { host: 'here', pid, startedAtMs: 1 },
      isAlive,
      newId: () => randomBytes(8).toString('hex'),
    },
    credentials: { dataset: none, model: none, checkpoint: none, output: none, ...credentials },
    transport: { ...transportLimits, stallMs },
    ranged: { ...rangedLimits, ...options.ranged, thread },
    clock: systemClock,
    random: randomFrom(1),
    log: {
      info: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`),
      warn: (message) => void lines.push(message),
    },
    limits: { ...retryLimits, firstWaitMs: 5, longestWaitMs: 20 },
    signal: options.signal ?? new AbortController().signal,
  });
  return { places, lines };
}
