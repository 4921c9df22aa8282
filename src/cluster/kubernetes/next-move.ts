/**
 * What a reflector does when a list or a watch has ended: the one table of it, without clock and network.
 *
 * Two facts about the API server shape it (measured, docs/adr/0008). A watch from a version that it has not reached is
 * answered with silence: no event, no bookmark, no error, until its time is over. And versions alone do not tell of a
 * store that was rolled back and has since gone on. So a watch is only resumed when it joins the one before so closely
 * that nobody can have put back a store in between; everything else is listed anew.
 */
import type { ApiError } from './errors.js';

export type Ended =
  | { readonly kind: 'listed' }
  /** In good order. `idle` = at once and without an event: something in between does not like watches. */
  | { readonly kind: 'closed'; readonly idle: boolean }
  /** Resumed, but too long after the last sign of life. */
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly during: 'list' | 'open' | 'stream'; readonly error: ApiError };

export interface Move {
  /** `watch` goes on from the last version seen. */
  readonly next: 'list' | 'watch';
  readonly wait: 'none' | 'backoff';
}

/** Shorter than every API server could be stopped, its store put back, and one started again. */
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
      // A cut says nothing about the server. The first try to go on will: should it fail, the server was away.
      if (during === 'stream' && error.reason === 'unreachable') return { next: 'watch', wait: 'backoff' };
      return { next: 'list', wait: error.reason === 'silent' ? 'none' : 'backoff' };
    }
    default:
      return ended satisfies never;
  }
}
