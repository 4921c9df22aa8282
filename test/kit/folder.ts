/** A folder with the given files, for as long as some work takes. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** @param files by name, which may contain folders. @param work gets the path of the folder */
export async function withFolder<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'distillery-files-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), content);
    }
    return await work(path);
  } finally {
    await rm(path, { recursive: true });
  }
}
