/** Writes files that follow from others, or compares them: the end of every script that generates. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';

const root = path.join(import.meta.dirname, '..');

/**
 * Writes the files that differ. With `--check` it writes nothing, prints their names, and the process exits with 1.
 * @param files texts by path from the root of the repository
 * @param command that writes them, for the message
 */
export async function writeGenerated(files: Iterable<readonly [string, string]>, command: string): Promise<void> {
  const isCheck = process.argv.includes('--check');
  for (const [file, text] of files) {
    const target = path.join(root, file);
    if ((await readFile(target, 'utf8').catch(() => undefined)) === text) continue;
    if (isCheck) {
      console.log(`${file} differs; run \`${command}\``);
      process.exitCode = 1;
    } else {
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, text);
      console.log(`wrote ${file}`);
    }
  }
}
