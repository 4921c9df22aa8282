/** What a refused write means for its writer. */
import { jetStreamRefusal } from '@distillery/nats';
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

/** Which limit a write met, and what to do about it; null when the error is about something else. */
export function roomFaultOf(error: unknown): string | null {
  const refusal = jetStreamRefusal(error);
  if (refusal === null) return null;
  const { fault, limit, text } = refusal;
  if (fault === 'full') return `its own limit is reached (${text})`;
  if (fault !== 'noRoom') return null;
  switch (limit) {
    case 'account':
    case 'accountCount':
      return (
        `a limit of the job's NATS account is reached (${text}). Delete finished jobs that use the account, or ask the ` +
        'administrator to raise its limits'
      );
    case 'server':
      return `the JetStream store of the NATS server is full (${text}). Free space on its disk or raise max_file_store`;
    case 'either':
      return (
        `NATS has no room (${text}): a limit of the job's account is reached or the store of the server is full. ` +
        'Delete finished jobs, or ask the administrator of NATS to raise the limit or free space'
      );
  }
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
