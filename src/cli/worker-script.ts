/** Where the programs of the workers are. */
import { fileURLToPath } from 'node:url';

/** @param path below the folder of the workers */
export function workerScript(path: string): string {
  return fileURLToPath(new URL(`../../workers/${path}`, import.meta.url));
}
