/**
 * Leader election over one Lease, after client-go's leaderelection: one of several operators acts, and another takes over
 * when it dies. These invariants make sure that two never act at a time, whatever clocks, network and API server do:
 *
 *  leader/L1 A term ends `renewDeadlineMs` after its last confirmed renewal was sent (term.ts).
 *  leader/L2 A candidate takes a lease only in the version that it has seen unchanged for the duration of the lease, by its
 *     own monotonic clock. Times that other machines wrote are not compared with anything.
 *  leader/L3 A missing lease may have been deleted under a living leader. A candidate creates it vacant, and leader/L2
 *     applies to it; the leader takes it back long before that time is over.
 *  leader/L4 A process serves one term at a time, and releases the lease only after the work of the term has ended.
 *
 * A request that a term sent at its end may arrive after it: requests must time out within lease − renew deadline.
 */
import type { Clock, Random } from '@distillery/base';

import { type Answer, answerWithin } from './answer.js';
import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from './ports.js';
import type { Log } from '../telemetry/index.js';

import { type Moment, RunningTerm, type Term } from './term.js';

export interface LeaseDurations {
  /** How long candidates wait for a renewal. */
  readonly leaseMs: number;
  /** How long a leader continues without a confirmed renewal. */
  readonly renewDeadlineMs: number;
  /** Between two attempts. */
  readonly retryMs: number;
}

export interface LeaderElectorOptions {
  readonly leases: Leases;
  /** Unique to this process, not to its machine or pod: a restarted process is another candidate. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set (`performance.now`). */
  readonly monotonicMs: () => number;
  readonly random: Random;
  readonly durations: LeaseDurations;
  readonly log: Log;
}

type Renewal = { readonly kind: 'renewed' } | { readonly kind: 'unknown' } | { readonly kind: 'lost'; holder: string };

/** A candidate waits for 0.8 to 1.2 retries, so that candidates do not ask at the same time. */
const jitter = 0.2;
/** The duration in a released lease: leader/L2 then lets another candidate in soon. */
const releasedSeconds = 1;
const releaseTries = 3;

/** Lease, renew deadline and retry in the proportions that Kubernetes uses: 15 s, 10 s and 2 s. */
export function leaseDurations(leaseSeconds: number): LeaseDurations {
  return {
    leaseMs: leaseSeconds * 1_000,
    renewDeadlineMs: Math.round((leaseSeconds * 2_000) / 3),
    retryMs: Math.round((leaseSeconds * 2_000) / 15),
  };
}

/** @returns a V1MicroTime: exactly six digits of fraction, or the API server refuses it */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  /** The lease as last read, and the monotonic time at which this version was first read. */
  #seen: { readonly lease: StoredLease; readonly sinceMs: number } | null = null;
  #term: RunningTerm | null = null;
  /** One of our writes may have made us the holder. */
  #mayHold = false;
  #isUnreachable = false;

  /** @throws RangeError for an empty identity, or for durations with which two could lead */
  constructor(options: LeaderElectorOptions) {
    const { leaseMs, renewDeadlineMs, retryMs } = options.durations;
    if (!(retryMs > 0 && renewDeadlineMs > retryMs * (1 + jitter) && leaseMs > renewDeadlineMs)) {
      throw new RangeError(
        `lease durations: found lease ${leaseMs} ms, renew deadline ${renewDeadlineMs} ms and retry ${retryMs} ms, ` +
          'expected each to be clearly longer than the next; use leaseDurations()',
      );
    }
    if (options.identity === '')
      throw new RangeError('lease identity: found an empty one, expected one that no other process has; name one');
    this.#options = options;
  }

  /** Whether this process may act now. */
  get leading(): boolean {
    return this.#term?.holds() ?? false;
  }

  /** The identity of the leader, as last read; null when the lease is vacant or was never read. */
  get holder(): string | null {
    const holder = this.#seen?.lease.holderIdentity ?? '';
    return holder === '' ? null : holder;
  }

  /**
   * Competes until `signal` aborts or `lead` returns by itself, then releases the lease and resolves. It calls `lead` for
   * every term, one at a time. `lead` must end soon after the term's signal aborts; the lease is renewed until it has.
   * @throws what `lead` throws, after the lease is released
   */
  async run(signal: AbortSignal, lead: (term: Term) => Promise<void>): Promise<void> {
    try {
      for (;;) {
        const sentAt = await this.#acquire(signal);
        if (sentAt === null || (await this.#serve(sentAt, signal, lead)) === 'ended') return;
      }
    } finally {
      if (this.#mayHold) await this.#release();
    }
  }

  /** @returns the time at which the write that won the lease was sent; null when the signal aborted first */
  async #acquire(signal: AbortSignal): Promise<Moment | null> {
    while (!signal.aborted) {
      const sentAt = await this.#tryTake(signal);
      if (sentAt !== null) return sentAt;
      await this.#options.clock.sleep(this.#waitMs(), signal);
    }
    return null;
  }

  async #tryTake(cancel: AbortSignal): Promise<Moment | null> {
    const { leases, identity } = this.#options;
    const read = await this.#ask(this.#patienceMs, cancel, (limit) => leases.get(limit));
    if (read.kind === 'unknown') return this.#missed(read.error);
    this.#isUnreachable = false;
    const lease = read.value ?? (await this.#createVacant(this.#patienceMs, cancel));
    if (lease === null) return null;
    this.#see(lease);
    // Ours without a term: the answer to our write was lost. leader/L2 held when it was sent.
    if (lease.holderIdentity !== identity && this.#untilFreeMs() > 0) return null;
    const sentAt = this.#now();
    const took = await this.#hold(lease, this.#patienceMs, cancel);
    if (took.kind === 'unknown') return this.#missed(took.error);
    return took.value.kind === 'written' ? sentAt : null;
  }

  async #serve(sentAt: Moment, signal: AbortSignal, lead: (term: Term) => Promise<void>): Promise<'ended' | 'lost'> {
    const { log, identity, durations } = this.#options;
    const term = new RunningTerm(() => this.#now(), durations.renewDeadlineMs, sentAt);
    this.#term = term;
    const stop = (): void => term.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    log.info({ identity, transitions: this.#seen?.lease.leaseTransitions }, 'leading');
    const workEnded = new AbortController();
    const work = (async () => lead(term))().finally(() => workEnded.abort());
    // It is awaited below; until then a rejection must not count as unhandled.
    work.catch(() => undefined);
    try {
      const ending = await this.#keep(term, workEnded.signal);
      term.end();
      await work;
      return signal.aborted ? 'ended' : ending;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#term = null;
    }
  }

  /** Renews until the work has ended or the term is over. */
  async #keep(term: RunningTerm, workEnded: AbortSignal): Promise<'ended' | 'lost'> {
    const { clock, durations, log, identity } = this.#options;
    for (;;) {
      await clock.sleep(Math.min(durations.retryMs, term.leftMs()), workEnded);
      const sentAt = this.#now();
      const renewal = await this.#renew(term, workEnded);
      if (workEnded.aborted) return 'ended';
      if (renewal.kind === 'lost') {
        log.warn({ identity, holder: renewal.holder }, 'leadership lost to another');
        return 'lost';
      }
      // An answer after the end of the term is too late: a candidate may have waited long enough.
      if (!term.holds()) {
        log.warn({ identity }, 'leadership lost: no renewal was confirmed in time');
        return 'lost';
      }
      if (renewal.kind === 'renewed') term.extend(sentAt);
    }
  }

  async #renew(term: RunningTerm, cancel: AbortSignal): Promise<Renewal> {
    const { leases, identity, log } = this.#options;
    const limitMs = (): number => Math.min(this.#patienceMs, term.leftMs());
    const isOver = (): boolean => cancel.aborted || !term.holds();
    const known = this.#seen?.lease;
    if (known !== undefined && !isOver()) {
      const sure = await this.#hold(known, limitMs(), cancel);
      if (sure.kind === 'answered' && sure.value.kind === 'written') return { kind: 'renewed' };
      if (sure.kind === 'unknown' && !isOver())
        log.warn({ error: String(sure.error) }, 'lease renewal uncertain; retrying');
    }
    // Refused, or written while the answer was lost: read the lease.
    if (isOver()) return { kind: 'unknown' };
    const read = await this.#ask(limitMs(), cancel, (limit) => leases.get(limit));
    if (read.kind === 'unknown') return read;
    const lease = read.value ?? (await this.#createVacant(limitMs(), cancel));
    if (lease === null) return { kind: 'unknown' };
    this.#see(lease);
    const holder = lease.holderIdentity;
    if (holder !== identity && holder !== '') return { kind: 'lost', holder };
    // Vacant while the term holds: something else released it, and no candidate can have waited long enough to take it.
    if (isOver()) return { kind: 'unknown' };
    const again = await this.#hold(lease, limitMs(), cancel);
    return again.kind === 'answered' && again.value.kind === 'written' ? { kind: 'renewed' } : { kind: 'unknown' };
  }

  /** leader/L3. @returns null when it was not created, or when there was no answer */
  async #createVacant(limitMs: number, cancel: AbortSignal): Promise<StoredLease | null> {
    const { leases, clock } = this.#options;
    const time = microTime(clock.now());
    const vacant: LeaseRecord = {
      holderIdentity: '',
      leaseDurationSeconds: this.#leaseSeconds,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 0,
    };
    const made = await this.#ask(limitMs, cancel, (limit) => leases.create(vacant, limit));
    if (made.kind === 'unknown') return this.#missed(made.error);
    return made.value.kind === 'written' ? made.value.lease : null;
  }

  /** Writes us as the holder; the API server refuses it when the lease no longer has the version of `before`. */
  async #hold(before: StoredLease, limitMs: number, cancel: AbortSignal): Promise<Answer<LeaseWrite>> {
    const { leases, clock, identity } = this.#options;
    const time = microTime(clock.now());
    const isOurs = before.holderIdentity === identity;
    const held: StoredLease = {
      holderIdentity: identity,
      leaseDurationSeconds: this.#leaseSeconds,
      acquireTime: isOurs ? before.acquireTime : time,
      renewTime: time,
      leaseTransitions: before.leaseTransitions + (isOurs ? 0 : 1),
      resourceVersion: before.resourceVersion,
    };
    this.#mayHold = true;
    const answer = await this.#ask(limitMs, cancel, (limit) => leases.replace(held, limit));
    if (answer.kind === 'answered' && answer.value.kind === 'written') this.#see(answer.value.lease);
    return answer;
  }

  /** Best effort: without it the next leader waits until the lease expires. */
  async #release(): Promise<void> {
    const { leases, identity, clock, log, durations } = this.#options;
    const never = new AbortController().signal;
    for (let tries = 0; tries < releaseTries; tries++) {
      const read = await this.#ask(durations.retryMs, never, (limit) => leases.get(limit));
      if (read.kind === 'unknown') continue;
      if (read.value?.holderIdentity !== identity) return;
      const time = microTime(clock.now());
      const vacant = { holderIdentity: '', leaseDurationSeconds: releasedSeconds, acquireTime: time, renewTime: time };
      const lease = { ...read.value, ...vacant };
      const given = await this.#ask(durations.retryMs, never, (limit) => leases.replace(lease, limit));
      // Refused: an earlier renewal arrived in between.
      if (given.kind === 'unknown' || given.value.kind === 'refused') continue;
      this.#see(given.value.lease);
      this.#mayHold = false;
      log.info({ identity }, 'lease released');
      return;
    }
    log.warn({ identity }, 'lease not released; it will expire');
  }

  #see(lease: StoredLease): void {
    const before = this.#seen?.lease;
    if (lease.resourceVersion === before?.resourceVersion) return;
    const { log, identity, monotonicMs } = this.#options;
    const holder = lease.holderIdentity;
    if (holder !== before?.holderIdentity && holder !== '' && holder !== identity)
      log.info({ identity, holder }, 'another leads');
    this.#seen = { lease, sinceMs: monotonicMs() };
  }

  /** leader/L2. */
  #untilFreeMs(): number {
    if (this.#seen === null) return 0;
    const { lease, sinceMs } = this.#seen;
    const isMute = lease.holderIdentity !== '' && lease.leaseDurationSeconds === 0;
    const seconds = isMute ? this.#leaseSeconds : lease.leaseDurationSeconds;
    return sinceMs + seconds * 1_000 - this.#options.monotonicMs();
  }

  /** A candidate reads the lease again after about one retry, and at the moment at which it expires. */
  #waitMs(): number {
    const { random, durations } = this.#options;
    const aboutOneRetryMs = durations.retryMs * (1 - jitter + 2 * jitter * random.unit());
    const untilFreeMs = this.#untilFreeMs();
    return untilFreeMs > 0 ? Math.min(aboutOneRetryMs, untilFreeMs) : aboutOneRetryMs;
  }

  #now(): Moment {
    return { wallMs: this.#options.clock.now(), monotonicMs: this.#options.monotonicMs() };
  }

  get #leaseSeconds(): number {
    return Math.ceil(this.#options.durations.leaseMs / 1_000);
  }

  /** Time limit of one request: after a lost answer there must be time for another attempt within the deadline. */
  get #patienceMs(): number {
    return this.#options.durations.renewDeadlineMs / 2;
  }

  #ask<T>(limitMs: number, cancel: AbortSignal, call: (limit: AbortSignal) => Promise<T>): Promise<Answer<T>> {
    return answerWithin(limitMs, { clock: this.#options.clock, cancel }, call);
  }

  #missed(error: unknown): null {
    // Logged once: every two seconds for as long as the API server is away would be noise.
    if (!this.#isUnreachable)
      this.#options.log.warn({ error: String(error) }, 'lease cannot be read or written; retrying');
    this.#isUnreachable = true;
    return null;
  }
}
