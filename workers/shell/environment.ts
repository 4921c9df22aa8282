/**
 * The environment of a worker, read in this one file (docs/protocol.md "Environment"). A cluster sets the same
 * variables in the pod as the local engine sets for a child process (DESIGN I9).
 */
import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { type Manifest, ManifestError, parseManifest } from '../../src/protocol/index.js';

import { WorkerError } from './exit.js';

const environmentSchema = z.object({
  DISTILL_MANIFEST: z.string().min(1),
  DISTILL_NATS_URL: z.string().min(1),
  DISTILL_NATS_USER: z.string().min(1),
  DISTILL_NATS_PASSWORD_FILE: z.string().min(1),
  DISTILL_POD: z.string().min(1).max(253),
  DISTILL_POOL: z.string().max(63).default(''),
  /** Threads of one teacher's inference. */
  DISTILL_THREADS: z.coerce.number().int().min(1).max(256).default(1),
  /** auto, or the name of a runtime. */
  DISTILL_RUNTIME: z.enum(['auto', 'wasm', 'cpu']).default('auto'),
  /** Folder for `store: file` and for results. */
  DISTILL_FOLDER: z.string().default(''),
  DISTILL_TERMINATION_LOG: z.string().default('/dev/termination-log'),
  /** "1": standard input is a pipe from the owner; its end means that the owner is gone. */
  DISTILL_OWNER_PIPE: z.enum(['0', '1']).default('0'),
  DISTILL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

export interface WorkerEnvironment {
  readonly manifest: Manifest;
  readonly nats: { readonly url: string; readonly user: string; readonly password: string };
  readonly pod: string;
  readonly pool: string;
  readonly threads: number;
  readonly runtime: 'auto' | 'wasm' | 'cpu';
  readonly folder: string;
  readonly terminationLog: string;
  readonly ownerPipe: boolean;
  readonly logLevel: string;
}

/** @throws WorkerError (terminal) naming the variable or the manifest's field. */
export function readEnvironment(variables: NodeJS.ProcessEnv): WorkerEnvironment {
  const parsed = environmentSchema.safeParse(variables);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new WorkerError('terminal', `environment: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
  }
  const env = parsed.data;
  return {
    manifest: readManifestFile(env.DISTILL_MANIFEST),
    nats: {
      url: env.DISTILL_NATS_URL,
      user: env.DISTILL_NATS_USER,
      password: readText(env.DISTILL_NATS_PASSWORD_FILE, 'NATS password').trim(),
    },
    pod: env.DISTILL_POD,
    pool: env.DISTILL_POOL,
    threads: env.DISTILL_THREADS,
    runtime: env.DISTILL_RUNTIME,
    folder: env.DISTILL_FOLDER,
    terminationLog: env.DISTILL_TERMINATION_LOG,
    ownerPipe: env.DISTILL_OWNER_PIPE === '1',
    logLevel: env.DISTILL_LOG_LEVEL,
  };
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new WorkerError('terminal', `${what}: cannot read ${path}: ${String(error)}`, { cause: error });
  }
}

/** @throws WorkerError (terminal) naming the field */
export function readManifestFile(path: string): Manifest {
  const text = readText(path, 'job manifest');
  try {
    return parseManifest(text);
  } catch (error) {
    if (error instanceof ManifestError) throw new WorkerError('terminal', `${path}: ${error.message}`, { cause: error });
    throw error;
  }
}
