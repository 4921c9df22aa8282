import { hasNoListener, withCause } from '@distillery/nats';
import type { JetStreamManager } from '@nats-io/jetstream';

/**
 * A direct get of a stream that does not exist, and a publish into it, find no listener; the stream's information says which
 * it is.
 * @throws that the stream is missing, when it is
 */
export async function orGone<T>(manager: JetStreamManager, stream: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (withCause(error).some(hasNoListener)) await manager.streams.info(stream);
    throw error;
  }
}
