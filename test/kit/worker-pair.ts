/** A real teacher and a real student of a job as processes of this machine, with the credentials that its pods would have. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Manifest } from '@distillery/protocol';

import { smallMnist } from './mnist.js';
import { manifestWith } from './worker-fakes.js';
import { program } from './programs.js';

const root = join(import.meta.dirname, '../..');

export interface WorkerAccess {
  readonly url: string;
  /** Text of a .creds file. */
  readonly creds: string;
}

/** A small MNIST job with the models of the example. @param folder gets the data */
export function smallManifest(folder: string, train: number, job?: Manifest['job']): Manifest {
  const manifest = manifestWith({ batchSize: 64 });
  const uriOf = (file: string): string => `file://${join(root, 'examples/mnist/models', file)}`;
  const { teacher, student, dataset } = manifest;
  return {
    ...manifest,
    ...(job === undefined ? {} : { job }),
    dataset: { ...dataset, uri: smallMnist(join(folder, 'data'), { train, test: 64 }) },
    teacher: { ...teacher, model: { ...teacher.model, uri: uriOf('teacher.onnx') } },
    student: { ...student, model: { ...student.model, uri: uriOf('student.json') } },
  };
}

export class WorkerPair {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  /** @param folder for manifest and credentials */
  constructor(folder: string, manifest: Manifest) {
    this.#folder = folder;
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  }

  start(role: 'teacher' | 'student', access: WorkerAccess, pod = `${role}-1`): ChildProcess {
    const credsFile = join(this.#folder, `${role}.creds`);
    writeFileSync(credsFile, access.creds, { mode: 0o600 });
    const child = spawn(process.execPath, [program(`workers/${role}/main`)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        DISTILL_MANIFEST: join(this.#folder, 'manifest.json'),
        DISTILL_NATS_URL: access.url,
        DISTILL_NATS_CREDS_FILE: credsFile,
        DISTILL_POD: pod,
        DISTILL_TERMINATION_LOG: join(this.#folder, `${role}.end`),
      },
    });
    this.#children.push(child);
    return child;
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** The exit code of a process; null = a signal ended it. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}
