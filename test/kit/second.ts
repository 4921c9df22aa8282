import { getPriority, setPriority } from 'node:os';

/** A little only, since whatever else the machine does comes first, too. */
const niceness = 2;

/**
 * Gives a process less priority than the tests of clusters, which wait for many things one after the other: the other tests, and builds of
 * programs that some of them wait for. Who was started with less priority may not take more.
 */
export function comeSecond(pid: number): void {
  setPriority(pid, Math.max(niceness, getPriority()));
}
