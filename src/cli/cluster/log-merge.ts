/**
 * Merges the lines of several logs by time.
 *
 * Invariants:
 *  log-merge/1 The lines of one log keep their order.
 *  log-merge/2 A line comes out once no open log can still have an earlier one, or once the caller waits no longer.
 *  log-merge/3 Memory is bounded: a log that is far ahead of the others is full until they follow.
 */
export interface LogLine {
  readonly pod: string;
  /** As the kubelet wrote it: RFC 3339 with nanoseconds, which compare as text. Empty = unknown. */
  readonly time: string;
  readonly text: string;
}

/** @param line with the kubelet's time before it */
export function timedLine(pod: string, line: string): LogLine {
  const [, time = '', text = line] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?(.*)$/s.exec(line) ?? [];
  return { pod, time: comparable(time), text };
}

/** Kubelets leave out trailing zeros of a fraction. */
function comparable(time: string): string {
  const [, seconds = '', fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(time) ?? [];
  return seconds === '' ? '' : `${seconds}.${fraction.padEnd(9, '0')}Z`;
}

/** Lines of a log that wait for other logs. */
const mostWaiting = 2_000;

class Source {
  readonly lines: LogLine[] = [];
  open = true;
  #latest = '';

  /** @returns `full` when the line was not taken: try again later */
  add(line: LogLine): 'taken' | 'full' {
    if (this.lines.length >= mostWaiting) return 'full';
    // A clock that is set back does not bring the order of one log out of order (log-merge/1).
    const time = line.time < this.#latest ? this.#latest : line.time;
    this.#latest = time;
    this.lines.push({ ...line, time });
    return 'taken';
  }

  close(): void {
    this.open = false;
  }
}

export type LogSource = Pick<Source, 'add' | 'close'>;

export class LogMerge {
  #sources: readonly Source[] = [];

  open(): LogSource {
    const source = new Source();
    this.#sources = [...this.#sources, source];
    return source;
  }

  /** Lines that no open log can come before. */
  complete(): LogLine[] {
    return this.#taken((source) => source.open && source.lines.length === 0);
  }

  /** Also lines older than this time, whatever the others still have. */
  older(timeMs: number): LogLine[] {
    const time = new Date(timeMs).toISOString().replace('Z', '000000Z');
    return this.#taken(() => false, time);
  }

  /** All lines that came so far. */
  rest(): LogLine[] {
    return this.#taken(() => false);
  }

  /** @param blocks whether a source may still deliver an earlier line */
  #taken(blocks: (source: Source) => boolean, until = '~'): LogLine[] {
    const taken: LogLine[] = [];
    // A log that is opened again and again leaves nothing behind.
    this.#sources = this.#sources.filter(({ open, lines }) => open || lines.length > 0);
    const sources = this.#sources;
    while (!sources.some(blocks)) {
      const first = sources
        .filter(({ lines }) => lines.length > 0)
        .reduce<Source | null>((best, one) => (best === null || timeOf(one) < timeOf(best) ? one : best), null);
      if (first === null || timeOf(first) > until) break;
      const line = first.lines.shift();
      if (line !== undefined) taken.push(line);
    }
    return taken;
  }
}

const timeOf = ({ lines: [first] }: Source): string => first?.time ?? '~';
