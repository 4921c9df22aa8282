/**
 * What a reflector does when a list or a watch has ended: one table, without clock and network.
 *
 * Two facts about the API server shape it (measured, docs/adr/0008). It answers a watch from a version that it has not
 * reached with silence: no event, no bookmark and no error until the timeout. And versions alone do not show that a
 * store was restored from a backup and has moved on since. So a watch is only resumed if it follows the previous one so
 * closely that no store can have been restored in between. In every other case the reflector lists again.
 */
import type { ApiError } from '../api/index.js';

export type Ended =
  | { readonly kind: 'listed' }
  /** The server ended it. `idle` = at once and without an event: a proxy may not support watches. */
  | { readonly kind: 'closed'; readonly idle: boolean }
  /** Resumed, but too long after the last contact. */
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly during: 'list' | 'open' | 'stream'; readonly error: ApiError };

export interface Move {
  /** `watch` continues from the last version. */
  readonly next: 'list' | 'watch';
  readonly wait: 'none' | 'backoff';
}

/** Shorter than the time to stop an API server, restore its store and start it again. */
export const resumeWithinMs = 2_000;

export function nextMove(ended: Ended, relistDue: boolean): Move {
  switch (ended.kind) {
    case 'listed':
      return { next: 'watch', wait: 'none' };
    case 'late':
      return { next: 'list', wait: 'none' };
    case 'closed':
      return { next: relistDue ? 'list' : 'watch', wait: ended.idle ? 'backoff' : 'none' };
    case 'failed': {
      const { during, error } = ended;
      // A cut connection says nothing about the server. If resuming fails as well, the server was away.
      if (during === 'stream' && error.reason === 'unreachable') return { next: 'watch', wait: 'backoff' };
      return { next: 'list', wait: error.reason === 'silent' ? 'none' : 'backoff' };
    }
    default:
      return ended satisfies never;
  }
}
