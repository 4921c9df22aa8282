/**
 * Leader election over one Lease, after client-go's leaderelection: of many operators one acts, and another takes over
 * when it dies. What makes "never two at a time" true, whatever clocks, network and API server do:
 *
 *  leader/L1 A term ends `renewDeadlineMs` after its last confirmed renewal was sent (term.ts).
 *  leader/L2 A lease is taken only in the very version that was seen unchanged for as long as the lease itself says, by
 *     the local monotonic clock. Times that other machines wrote are never compared with anything.
 *  leader/L3 A lease that is missing may have been deleted under a living leader. Whoever misses it creates it vacant,
 *     and leader/L2 holds for it as for every other; a leader takes it back long before.
 *  leader/L4 A process serves one term at a time, and gives the lease back only after the work of the term has ended.
 *
 * What a term sent in its last moments may arrive after it: requests must give up within lease − renew deadline.
 */
import type { Clock, Random } from '@distillery/base';

import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from './ports.js';
import type { Log } from '../telemetry/index.js';

import { type Moment, RunningTerm, type Term } from './term.js';

export interface LeaseDurations {
  /** How long others wait for a sign of life. */
  readonly leaseMs: number;
  /** How long a leader goes on without a confirmed renewal. */
  readonly renewDeadlineMs: number;
  /** Between two tries. */
  readonly retryMs: number;
}

export interface LeaderElectorOptions {
  readonly leases: Leases;
  /** Unique to this process, not to its machine or pod: a process that starts again is another candidate. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds of a clock that nobody sets (performance.now). */
  readonly monotonicMs: () => number;
  readonly random: Random;
  readonly durations: LeaseDurations;
  readonly log: Log;
}

type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  /** What was asked may have happened, may yet happen, or not at all. */
  | { readonly kind: 'unknown'; readonly error: unknown };

type Renewal = { readonly kind: 'renewed' } | { readonly kind: 'unknown' } | { readonly kind: 'lost'; holder: string };

/** A candidate waits between 0.8 and 1.2 retries, so that candidates do not fall into step. */
const jitter = 0.2;
/** What a lease says that was given back, so that leader/L2 lets others in soon. */
const releasedSeconds = 1;
const releaseTries = 3;

/** Lease, deadline and retry in the proportions of Kubernetes' own: 15 s, 10 s and 2 s. */
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
  /** The lease as last seen, and the monotonic time at which this version of it was seen first. */
  #seen: { readonly lease: StoredLease; readonly sinceMs: number } | null = null;
  #term: RunningTerm | null = null;
  /** A write of ours may have made us the holder. */
  #mayHold = false;
  #isUnheard = false;

  /** @throws RangeError for an empty identity, or durations under which two could lead */
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

  /** Whether this process may act at this very moment. */
  get leading(): boolean {
    return this.#term?.holds() ?? false;
  }

  /** Who leads, as far as this process has seen; null when nobody does, or nothing was seen yet. */
  get holder(): string | null {
    const holder = this.#seen?.lease.holderIdentity ?? '';
    return holder === '' ? null : holder;
  }

  /**
   * Competes until `signal` aborts or `lead` returns by itself, then gives the lease back and resolves. `lead` is called
   * for every term that is won, never twice at a time, and must end soon after the term's signal aborts; until it has,
   * the lease is renewed.
   * @throws what `lead` throws, after the lease was given back
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

  /** @returns when the write that won the lease was sent; null when the signal aborted first */
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
    const looked = await this.#ask(this.#patienceMs, cancel, (limit) => leases.get(limit));
    if (looked.kind === 'unknown') return this.#missed(looked.error);
    this.#isUnheard = false;
    const lease = looked.value ?? (await this.#createVacant(this.#patienceMs, cancel));
    if (lease === null) return null;
    this.#see(lease);
    // Ours without a term: the answer to a write of ours was lost, and leader/L2 was kept when it was sent.
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
    // Its failure is heard below; until then it must not count as unhandled.
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
      // An answer that comes after the term is of no use: others may have waited long enough.
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
        log.warn({ error: String(sure.error) }, 'lease perhaps not renewed; trying again');
    }
    // Refused, or done without our hearing of it: see what is there.
    if (isOver()) return { kind: 'unknown' };
    const looked = await this.#ask(limitMs(), cancel, (limit) => leases.get(limit));
    if (looked.kind === 'unknown') return looked;
    const lease = looked.value ?? (await this.#createVacant(limitMs(), cancel));
    if (lease === null) return { kind: 'unknown' };
    this.#see(lease);
    const holder = lease.holderIdentity;
    if (holder !== identity && holder !== '') return { kind: 'lost', holder };
    // Vacant while the term holds: taken out of our hands, and nobody can have waited long enough to take it.
    if (isOver()) return { kind: 'unknown' };
    const again = await this.#hold(lease, limitMs(), cancel);
    return again.kind === 'answered' && again.value.kind === 'written' ? { kind: 'renewed' } : { kind: 'unknown' };
  }

  /** leader/L3. @returns null when it was not created, or nothing was heard of it */
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

  /** Writes that we hold the lease; the version in `before` decides whether it is so. */
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

  /** Best effort: whoever does not hear of it waits for the lease to run out. */
  async #release(): Promise<void> {
    const { leases, identity, clock, log, durations } = this.#options;
    const never = new AbortController().signal;
    for (let tries = 0; tries < releaseTries; tries++) {
      const looked = await this.#ask(durations.retryMs, never, (limit) => leases.get(limit));
      if (looked.kind === 'unknown') continue;
      if (looked.value?.holderIdentity !== identity) return;
      const time = microTime(clock.now());
      const vacant = { holderIdentity: '', leaseDurationSeconds: releasedSeconds, acquireTime: time, renewTime: time };
      const lease = { ...looked.value, ...vacant };
      const given = await this.#ask(durations.retryMs, never, (limit) => leases.replace(lease, limit));
      // Refused: a renewal that was sent before arrived meanwhile.
      if (given.kind === 'unknown' || given.value.kind === 'refused') continue;
      this.#see(given.value.lease);
      this.#mayHold = false;
      log.info({ identity }, 'lease given back');
      return;
    }
    log.warn({ identity }, 'lease not given back; it runs out by itself');
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

  /** A candidate looks again after about one retry, and at the moment at which the lease runs out. */
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

  /** For one answer: a lost one must leave time for another try within the deadline. */
  get #patienceMs(): number {
    return this.#options.durations.renewDeadlineMs / 2;
  }

  #missed(error: unknown): null {
    // Every two seconds for as long as the API server is away would only be noise.
    if (!this.#isUnheard) this.#options.log.warn({ error: String(error) }, 'lease not reached; trying again');
    this.#isUnheard = true;
    return null;
  }

  /** Never waits longer than `limitMs`, whether or not `call` obeys its signal. */
  async #ask<T>(limitMs: number, cancel: AbortSignal, call: (limit: AbortSignal) => Promise<T>): Promise<Answer<T>> {
    const over = new AbortController();
    const stop = (): void => over.abort();
    cancel.addEventListener('abort', stop, { once: true });
    if (cancel.aborted) stop();
    const answer = (async () => call(over.signal))().then(
      (value): Answer<T> => ({ kind: 'answered', value }),
      (error: unknown): Answer<T> => ({ kind: 'unknown', error }),
    );
    const late = this.#options.clock
      .sleep(limitMs, over.signal)
      .then((): Answer<T> => ({ kind: 'unknown', error: new Error(`no answer within ${Math.round(limitMs)} ms`) }));
    try {
      return await Promise.race([answer, late]);
    } finally {
      stop();
      cancel.removeEventListener('abort', stop);
    }
  }
}
