/** The operator's log: structured lines, one object each. */
import { destination, pino } from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * A log that appends to a file; lines are written at once, so that none is lost in a crash. A line that cannot be
 * written (disk full) is lost without a word: whoever logs does not fail by it.
 * @throws Error when the file cannot be opened
 */
export function fileLog(path: string): Log {
  const file = destination({ dest: path, sync: true });
  file.on('error', () => undefined);
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, file);
}

/** A log on standard output, for what runs in a pod. */
export function outputLog(level: string): Log {
  return pino({ base: null, level, timestamp: pino.stdTimeFunctions.isoTime }, destination({ dest: 1, sync: true }));
}
