/** Where a child process is started. */
import { existsSync } from 'node:fs';

/**
 * This process's working folder, or `fallback` when it was removed: a process in a folder that is gone cannot load modules.
 */
export function spawnFolder(fallback: string): string {
  try {
    const folder = process.cwd();
    return existsSync(folder) ? folder : fallback;
  } catch {
    return fallback;
  }
}
