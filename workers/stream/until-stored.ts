/** Writes to a stream that all workers of a job share: waits while it is full, as for a server that does not answer. */
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
