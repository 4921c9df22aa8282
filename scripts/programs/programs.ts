/** What ships as programs: the entry points of processes and of threads, without their extension, by who has them. */

import { join } from 'node:path';

/** Where `npm run build` writes them. */
export const programsFolder = join(import.meta.dirname, '../../dist/programs');

/** In the operator's image. */
const operator = ['src/operator/main', 'src/release/check', 'src/release/nats-keys'];

/** In the worker's image: the two roles, and their threads. */
const worker = [
  'workers/teacher/main',
  'workers/student/main',
  'workers/compute/export-worker',
  'workers/compute/inference-worker',
  'workers/compute/trainer-worker',
  'workers/places/range-thread',
];

/** On a laptop: the command, its NATS server's keeper, the workers, and what else it starts. */
const command = [
  'src/cli/main',
  'src/stream/server/keeper',
  ...worker,
  'workers/teacher/evaluate',
  'workers/student/baseline',
  'workers/init/main',
  'workers/fetch/main',
];

export const programs = { operator, worker, command } as const satisfies Record<string, readonly string[]>;

/** Every one of them. */
export const allPrograms: readonly string[] = [...operator, ...command];

/**
 * Packages that stay outside of the bundles: native code, and what finds files beside its own; the large ones that few runs
 * load; and OpenTelemetry, of which nothing may be loaded while tracing is off (test/integration/tracing/off.test.ts).
 */
const outside: readonly RegExp[] = [
  /^@kubernetes\/client-node$/,
  /^@node-rs\/crc32$/,
  /^@opentelemetry\//,
  /^@tensorflow\//,
  /^onnxruntime-node$/,
  /^pino$/,
  /^sharp$/,
  /^undici$/,
];

/** @param name of a package */
export function staysOutside(name: string): boolean {
  return outside.some((pattern) => pattern.test(name));
}

/** @param module as it is imported: `name` or `name/path` */
export function packageOf(module: string): string {
  return /^(@[^/]+\/[^/]+|[^/]+)/.exec(module)?.[0] ?? module;
}
