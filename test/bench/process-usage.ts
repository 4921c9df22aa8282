/** What a process uses, as the kernel of this machine counts it. */
import { readFile } from 'node:fs/promises';

export interface Usage {
  readonly rssMiB: number;
  readonly cpuSeconds: number;
}

/** Linux counts in hundredths of a second toward programs, whatever its own clock does. */
const ticksPerSecond = 100;

export async function usageOf(pid: number): Promise<Usage> {
  const [status, stat] = await Promise.all(
    ['status', 'stat'].map((file) => readFile(`/proc/${String(pid)}/${file}`, 'utf8')),
  );
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status ?? '')?.[1]);
  // After the name, which may hold anything: state is the 3rd field, utime the 14th, stime the 15th.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  return { rssMiB: rssKiB / 1_024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

/** Looks now and then until it is stopped. */
export class UsageWatch {
  readonly samples: (Usage & { readonly atMs: number })[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, everyMs = 1_000) {
    this.#timer = setInterval(() => {
      const atMs = performance.now();
      // A process that has just ended uses nothing.
      usageOf(pid).then(
        (usage) => this.samples.push({ ...usage, atMs }),
        () => undefined,
      );
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
