/** What the log says of remote files. */
import type { Entry } from './entry.js';
import type { PlacesLog } from './retries.js';
import { contentOf } from './stage-file.js';

/** @returns the path of a file in the entry */
export function said(log: PlacesLog, { folder, facts }: Entry, name: string): string {
  const path = contentOf(folder, name);
  const [main] = facts.files;
  const content = main === undefined ? {} : { sha256: main.sha256, etag: main.etag };
  log.info({ uri: facts.uri, path, bytes: facts.bytes, ...content }, 'remote files are here');
  return path;
}

export function sayWaiting(log: PlacesLog, about: string): void {
  log.info({ uri: about }, 'another process fetches it; waiting');
}
