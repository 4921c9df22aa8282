/** What a refused write means for its writer. */
import type { StatementFault } from '@distillery/base';
import { jetStreamRefusal, roomFault, type Shortage } from '@distillery/nats';
import type { JetStreamFault } from '@distillery/protocol';

/**
 * `taken`: the subject holds a message already. `full`: the stream is at its own limit. `moved`: a compare-and-set found
 * another revision. null: something else.
 */
export function refusalOf(error: unknown): 'taken' | 'full' | 'moved' | null {
  const fault = jetStreamRefusal(error)?.fault;
  return fault === 'taken' || fault === 'full' || fault === 'moved' ? fault : null;
}

/** True when the stream, the account or the server has no room for a write. */
export function isWithoutRoom(error: unknown): boolean {
  const fault = jetStreamRefusal(error)?.fault;
  return fault === 'full' || fault === 'noRoom';
}

/**
 * Which limit a write met, and what to do about it; null when the error is about something else.
 * @param saving how the job needs less room for such writes, as an imperative
 */
export function roomFaultOf(error: unknown, saving?: string): Omit<StatementFault, 'about'> | null {
  const refusal = jetStreamRefusal(error);
  if (refusal === null) return null;
  const { fault, limit, text } = refusal;
  if (fault !== 'full' && fault !== 'noRoom') return null;
  const shortage: Shortage = { limit: fault === 'full' ? 'stream' : limit, text };
  return roomFault(saving === undefined ? shortage : { ...shortage, saving });
}

/** True when the same call succeeds once the platform has recovered: the job is not at fault. */
export function passesByWaiting(fault: JetStreamFault): boolean {
  switch (fault) {
    case 'passing':
    case 'noRoom':
    case 'noJetStream':
    case 'missing':
      return true;
    case 'taken':
    case 'full':
    case 'moved':
    case 'refused':
      return false;
  }
}
