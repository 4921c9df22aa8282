/** Brings the finished model out of the job's object store: whole or not at all, digests checked. */
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { resultPrefix } from '../protocol/index.js';
import type { StreamAdmin } from '../stream/index.js';

import { CliError } from './exit.js';

/** @throws StreamError damaged when a digest does not fit; CliError when the folder cannot be written */
export async function fetchModel(admin: StreamAdmin, uid: string, target: string): Promise<void> {
  const results = (await admin.listObjects(uid)).filter(({ name }) => name.startsWith(resultPrefix));
  // With `output.store: file` the student wrote the folder itself.
  if (results.length === 0 && existsSync(target)) return;
  if (results.length === 0) {
    throw new CliError(
      'failed',
      `model of job ${uid}: found nothing in its object store; resume the run to store it again`,
    );
  }
  const partial = `${target}.part`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    for (const { name } of results) {
      const file = await open(join(partial, name.slice(resultPrefix.length).replaceAll('/', '_')), 'w');
      try {
        await admin.fetchObject(uid, name, async (piece) => {
          await file.writeFile(piece);
        });
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (error instanceof Error && 'code' in error && 'syscall' in error) {
      throw new CliError('storage', `model folder ${target}: cannot be written (${error.message})`, { cause: error });
    }
    throw error;
  }
}
