/** What a refused write means for the one who wrote. */
import { jetStreamFault, jetStreamLimit } from '@distillery/protocol';
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

/** Which limit a write met, and what to do about it; null when the error is about something else. */
export function roomFaultOf(error: unknown): string | null {
  if (!(error instanceof JetStreamApiError)) return null;
  const { code, message } = error;
  switch (faultOf(error)) {
    case 'full':
      return `its own limit is reached (${message})`;
    case 'noRoom':
      break;
    default:
      return null;
  }
  switch (jetStreamLimit({ code })) {
    case 'account':
    case 'accountCount':
      return (
        `a limit of the job's NATS account is reached (${message}). Delete finished jobs that use the account, or ask the ` +
        'administrator to raise its limits'
      );
    case 'server':
      return `the JetStream store of the NATS server is full (${message}). Free space on its disk or raise max_file_store`;
    case 'either':
      return (
        `NATS has no room (${message}): a limit of the job's account is reached or the store of the server is full. ` +
        'Delete finished jobs, or ask the administrator of NATS to raise the limit or free space'
      );
  }
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
