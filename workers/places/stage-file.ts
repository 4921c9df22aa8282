/** One file of an entry that is being downloaded: where it lies, and what an earlier attempt left of it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { makeFolderSync } from '@distillery/platform';
import { z } from 'zod';

import type { Stage } from './cache.js';
import { type Downloaded, download, type DownloadTools } from './download.js';
import { contentName, sizeOf, versionSchema } from './entry.js';
import { isUnchanged } from './retries.js';
import { sameVersion, type Source, type Version } from './source.js';

/**
 * Fetches one file into a stage, or continues it, or takes it as it is there.
 * @param promised the version that a list of files promised; null = any
 * @throws RemoteError
 */
export async function fetchInto(
  stage: Stage,
  name: string,
  source: Source,
  promised: Version | null,
  tools: DownloadTools,
): Promise<Downloaded> {
  const target = contentOf(stage.folder, name);
  const part = join(stage.folder, 'parts', digestOf(name));
  makeFolderSync(dirname(target));
  makeFolderSync(dirname(part));
  const note = (known: PartFacts): void => writeFileSync(`${part}.json`, JSON.stringify(known));
  const begun = partIn(`${part}.json`);
  const whole = begun?.done ?? null;
  if (whole !== null && existsSync(target) && sizeOf(target) === whole.bytes) {
    const isSame = promised === null ? await isUnchanged(source, whole, tools) : sameVersion(promised, whole);
    if (isSame) return whole;
  }
  const done = await download(
    source,
    {
      path: part,
      begun: whole === null ? (begun?.version ?? null) : null,
      promised,
      begins: (version) => note({ version, done: null }),
    },
    tools,
  );
  renameSync(part, target);
  note({ version: done, done });
  return done;
}

const partSchema = z.object({
  version: versionSchema,
  done: versionSchema.extend({ bytes: z.number(), sha256: z.string() }).nullable(),
});

type PartFacts = z.infer<typeof partSchema>;

/** What is known of a part that an earlier process began; null = nothing. */
function partIn(file: string): PartFacts | null {
  try {
    return partSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Path of a file in an entry or a stage. */
export function contentOf(folder: string, name: string): string {
  return join(folder, contentName, ...name.split('/'));
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
