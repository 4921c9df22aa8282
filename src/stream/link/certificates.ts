/** The certificates that workers use for TLS, as their files are now: the operator copies them into the jobs' Secrets. */
import type { Clock } from '@distillery/base';
import { lastReadable } from '@distillery/nats';
import { readTextSync } from '@distillery/platform';
import type { NatsTls } from '@distillery/protocol';

/** Paths of PEM files; `cert` and `key` come together. */
export type TlsFiles = NatsTls;

/** How long the texts are kept: every reconcile of every job needs them. */
const keptMs = 10_000;

/**
 * @returns a function that gives the texts, undefined without files; a file that cannot be read just now, because it is being
 *   replaced, counts as it was
 * @throws Error when a file cannot be read the first time
 */
export function certificatesOf(files: TlsFiles, clock: Pick<Clock, 'now'>): () => NatsTls | undefined {
  const parts = (['ca', 'cert', 'key'] as const).flatMap((part) => {
    const path = files[part];
    return path === undefined ? [] : [{ part, read: lastReadable(() => readTextSync(path)) }];
  });
  if (parts.length === 0) return () => undefined;
  let known: { readonly texts: NatsTls; readonly atMs: number } | null = null;
  return () => {
    if (known === null || clock.now() - known.atMs >= keptMs) {
      known = { texts: Object.fromEntries(parts.map(({ part, read }) => [part, read()])), atMs: clock.now() };
    }
    return known.texts;
  };
}
