/** What a refused publish means. The server has one code for everything that its store refuses, told apart by text. */
import { JetStreamApiError } from '@nats-io/jetstream';

const storeRefused = 10077;
const wrongLastSequences: readonly number[] = [10071, 10164];

/**
 * `taken`: the subject holds a message already. `full`: the stream is at its limit. `moved`: a compare-and-set found
 * another revision. null: something else.
 */
export function refusalOf(error: unknown): 'taken' | 'full' | 'moved' | null {
  if (!(error instanceof JetStreamApiError)) return null;
  if (wrongLastSequences.includes(error.code)) return 'moved';
  if (error.code !== storeRefused) return null;
  return error.message.includes('per subject') ? 'taken' : 'full';
}
