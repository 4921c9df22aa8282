/** CPU and memory use of a process, from the kernel of this machine. */
import { readFile } from 'node:fs/promises';

export interface Usage {
  readonly rssMiB: number;
  readonly cpuSeconds: number;
}

/** Linux reports CPU time to programs in hundredths of a second, independent of its own clock. */
const ticksPerSecond = 100;

export async function usageOf(pid: number): Promise<Usage> {
  const [status, stat] = await Promise.all(
    ['status', 'stat'].map((file) => readFile(`/proc/${String(pid)}/${file}`, 'utf8')),
  );
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status ?? '')?.[1]);
  // Parse after the name, which may contain any character: state is the 3rd field, utime the 14th, stime the 15th.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  return { rssMiB: rssKiB / 1_024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond };
}

/** Samples a process periodically until it is stopped. */
export class UsageWatch {
  readonly samples: (Usage & { readonly atMs: number })[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number, everyMs = 1_000) {
    this.#timer = setInterval(() => {
      const atMs = performance.now();
      // The process has just ended and uses nothing.
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
