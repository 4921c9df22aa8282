/** What a refused write means for the one who wrote. */
import { jetStreamFault } from '@distillery/protocol';
import { JetStreamApiError } from '@nats-io/jetstream';

/**
 * `taken`: the subject holds a message already. `full`: the stream is at its own limit. `moved`: a compare-and-set found
 * another revision. null: something else.
 */
export function refusalOf(error: unknown): 'taken' | 'full' | 'moved' | null {
  if (!(error instanceof JetStreamApiError)) return null;
  const fault = faultOf(error);
  return fault === 'taken' || fault === 'full' || fault === 'moved' ? fault : null;
}

/** True when the stream, the account or the server has no room for a write. */
export function isWithoutRoom(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  const fault = faultOf(error);
  return fault === 'full' || fault === 'noRoom';
}

/** True when the same call succeeds once the platform has recovered: the job is not at fault. */
export function passesByWaiting(error: JetStreamApiError): boolean {
  switch (faultOf(error)) {
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

function faultOf({ code, status, message }: JetStreamApiError): ReturnType<typeof jetStreamFault> {
  return jetStreamFault({ code, status, description: message });
}
