/** Writes to a bucket that all workers of a job share: one that is full is waited for, like a server that is away. */
import type { StreamLink } from './connect.js';
import { refusalOf } from './store-errors.js';

const fullDelayMs = 500;
/** Tries between two log lines about the same full bucket. */
const triesPerLog = 20;

/**
 * Repeats a write until the server has stored it.
 * @throws as `StreamLink.untilAnswered` does, except for a stream that is at its own limit
 */
export async function untilStored<T>(link: StreamLink, doing: string, write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await link.untilAnswered(doing, write);
    } catch (error) {
      if (refusalOf(error) !== 'full') throw error;
      if (tries % triesPerLog === 1)
        link.log.warn(`${doing}: its stream is full; waiting for the operator to make room`);
    }
    await link.clock.sleep(fullDelayMs);
  }
}
