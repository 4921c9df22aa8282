/**
 * What a reflector does when a list or a watch has ended: the one table of it, without clock and network.
 *
 * Two facts about the API server shape it (measured, docs/adr/0008). A watch from a version that it has not reached is
 * answered with silence: no event, no bookmark, no error, until its time is over. And versions alone do not tell a server
 * whose store was rolled back and has since gone on. So whoever was out of reach is listed anew, and so is who is silent.
 */
import type { ApiError } from './errors.js';

export type Ended =
  | { readonly kind: 'listed' }
  /** In good order. `idle` = at once and without an event: something in between does not like watches. */
  | { readonly kind: 'closed'; readonly idle: boolean }
  | { readonly kind: 'failed'; readonly during: 'list' | 'open' | 'stream'; readonly error: ApiError };

export interface Move {
  /** `watch` goes on from the last version seen. */
  readonly next: 'list' | 'watch';
  readonly wait: 'none' | 'backoff';
}

export function nextMove(ended: Ended, relistDue: boolean): Move {
  switch (ended.kind) {
    case 'listed':
      return { next: 'watch', wait: 'none' };
    case 'closed':
      return { next: relistDue ? 'list' : 'watch', wait: ended.idle ? 'backoff' : 'none' };
    case 'failed':
      break;
    default:
      return ended satisfies never;
  }
  const { during, error } = ended;
  // The server is there and asks for time; what we saw of it holds.
  if (during !== 'list' && error.kind === 'throttled') return { next: 'watch', wait: 'backoff' };
  // A cut says nothing about the server; the first try to go on will.
  if (during === 'stream' && error.kind === 'unreachable') return { next: 'watch', wait: 'backoff' };
  if (during === 'stream' && error.kind === 'silent') return { next: 'list', wait: 'none' };
  return { next: 'list', wait: 'backoff' };
}
