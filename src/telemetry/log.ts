/** The operator's log: structured lines, one object each. */
import { destination, pino } from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log that appends to a file; lines are written at once, so that none is lost in a crash. */
export function fileLog(path: string): Log {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: path, sync: true }));
}
