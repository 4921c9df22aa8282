/**
 * Leader election against everything that may go wrong: late and lost requests and answers, errors, clocks that differ by
 * minutes and are set while they run, suspended machines, a deleted lease. Only the test knows the true time.
 */
import { type Random, randomFrom } from '@distillery/base';
import type { Clock } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { leaseDurations, LeaderElector, type Term } from '../../../src/controller/index.js';
import { FakeClock, settled } from '../../kit/clock.js';
import { type Fate, FakeLeaseStore, swift } from '../../kit/leases.js';
import { quietLog } from '../../kit/stream.js';

const durations = leaseDurations(15);
const faultyMs = 240_000;
/** The time that a candidate may need for a request without answer, an expiring lease and its own retry. */
const recoveryMs = 15_000 + 5_000 + 3 * 2_400;

interface Scenario {
  readonly seed: number;
  readonly candidates: readonly { readonly skewMs: number }[];
  /** Probability of each fault, from 0 to 1. */
  readonly faults: { readonly delay: number; readonly error: number; readonly lost: number; readonly silent: number };
  readonly mishaps: readonly Mishap[];
}

interface Mishap {
  readonly kind: 'pause' | 'clock set' | 'kill' | 'stop' | 'lease deleted';
  readonly atMs: number;
  readonly candidate: number;
  /** How long the pause lasts, or by how much the clock is set. */
  readonly ms: number;
}

/** A machine: it may be suspended, and its wall clock may be wrong. */
class Machine {
  readonly #truth: FakeClock;
  #skewMs: number;
  #resume: PromiseWithResolvers<undefined> | null = null;
  #isDead = false;

  constructor(truth: FakeClock, skewMs: number) {
    this.#truth = truth;
    this.#skewMs = skewMs;
  }

  get isPaused(): boolean {
    return this.#resume !== null;
  }

  readonly clock: Clock = {
    now: () => this.#truth.now() + this.#skewMs,
    sleep: async (ms, signal) => {
      await this.#truth.sleep(ms, signal);
      await this.#resume?.promise;
    },
  };

  setClock(byMs: number): void {
    this.#skewMs += byMs;
  }

  pause(): void {
    this.#resume ??= Promise.withResolvers();
  }

  /** Is suspended and never resumes. */
  kill(): void {
    this.pause();
    this.#isDead = true;
  }

  resume(): void {
    if (this.#isDead) return;
    this.#resume?.resolve(undefined);
    this.#resume = null;
  }
}

interface Member {
  readonly machine: Machine;
  readonly elector: LeaderElector;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

class World {
  readonly truth = new FakeClock(Date.UTC(2026, 0, 1));
  readonly store = new FakeLeaseStore();
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly members: Member[] = [];
  /** Every moment at which two could act, with their names. */
  readonly doubles: string[] = [];
  terms = 0;
  #isCalm = false;
  #names = 0;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = randomFrom(scenario.seed);
  }

  start(skewMs: number): void {
    const machine = new Machine(this.truth, skewMs);
    const identity = `operator_${String(this.#names++)}`;
    const monotonicFrom = this.#random.below(1_000_000_000);
    const elector = new LeaderElector({
      // The network is not suspended with the machine; answers wait until it resumes.
      leases: this.store.client({ ...machine.clock, sleep: this.#network(machine) }, () => this.#fate()),
      identity,
      clock: machine.clock,
      monotonicMs: () => this.truth.now() - monotonicFrom,
      random: randomFrom(this.#random.uint32()),
      durations,
      log: quietLog,
    });
    const stop = new AbortController();
    const ended = elector.run(stop.signal, (term) => this.#lead(term, machine.clock));
    this.members.push({ machine, elector, stop, ended });
  }

  #network(machine: Machine): Clock['sleep'] {
    return async (ms) => {
      await this.truth.sleep(ms);
      if (machine.isPaused) await machine.clock.sleep(0);
    };
  }

  async #lead({ signal }: Term, clock: Clock): Promise<void> {
    this.terms++;
    this.look();
    while (!signal.aborted) await clock.sleep(1_000, signal);
    // Running work takes time to end.
    await clock.sleep(this.#random.below(5_000));
  }

  #fate(): Fate {
    if (this.#isCalm) return swift;
    const { delay, error, lost, silent } = this.#scenario.faults;
    const chance = (of: number): boolean => this.#random.unit() < of;
    const lateMs = (): number => (chance(delay) ? this.#random.below(25_000) : this.#random.below(50));
    const ending = chance(error)
      ? this.#random.below(2) === 0
        ? 'error before'
        : 'error after'
      : chance(lost)
        ? 'lost'
        : chance(silent)
          ? 'silent'
          : 'answered';
    return { thereMs: lateMs(), backMs: lateMs(), ending };
  }

  /** A suspended machine does nothing: what it believes meanwhile does not matter. */
  look(): void {
    const acting = this.members.filter(({ machine, elector }) => !machine.isPaused && elector.leading);
    if (acting.length > 1)
      this.doubles.push(`${String(this.truth.now())}: ${acting.map(({ elector }) => elector.holder).join(' and ')}`);
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.truth.now() + ms;
    while (this.truth.now() < endMs) {
      await settled();
      await this.truth.advance(Math.min(250, endMs - this.truth.now()));
      this.look();
    }
  }

  suffer({ kind, candidate, ms }: Mishap): void {
    const member = this.members[candidate % this.members.length]!;
    switch (kind) {
      case 'pause':
        member.machine.pause();
        void this.truth.sleep(Math.abs(ms)).then(() => {
          member.machine.resume();
          this.look();
        });
        return;
      case 'clock set':
        member.machine.setClock(ms);
        return;
      case 'kill':
        member.machine.kill();
        this.members.splice(candidate % this.members.length, 1);
        this.start(ms);
        return;
      case 'stop':
        member.stop.abort();
        this.start(ms);
        return;
      case 'lease deleted':
        this.store.delete();
    }
  }

  calm(): void {
    this.#isCalm = true;
    for (const { machine } of this.members) machine.resume();
  }
}

async function live(scenario: Scenario): Promise<World> {
  const world = new World(scenario);
  for (const { skewMs } of scenario.candidates) world.start(skewMs);
  let nowMs = 0;
  for (const mishap of [...scenario.mishaps].sort((a, b) => a.atMs - b.atMs)) {
    await world.pass(mishap.atMs - nowMs);
    nowMs = mishap.atMs;
    world.suffer(mishap);
  }
  await world.pass(faultyMs - nowMs);
  return world;
}

const tenMinutes = fc.integer({ min: -600_000, max: 600_000 });
const often = fc.constantFrom(0, 0.02, 0.1, 0.4);
const scenarios: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 0xffff_ffff }),
  candidates: fc.array(fc.record({ skewMs: tenMinutes }), { minLength: 2, maxLength: 4 }),
  faults: fc.record({ delay: often, error: often, lost: often, silent: often }),
  mishaps: fc.array(
    fc.record({
      kind: fc.constantFrom('pause', 'clock set', 'kill', 'stop', 'lease deleted'),
      atMs: fc.integer({ min: 0, max: faultyMs }),
      candidate: fc.nat(3),
      ms: fc.oneof(tenMinutes, fc.integer({ min: -40_000, max: 40_000 })),
    }),
    { maxLength: 20 },
  ),
});

describe('whatever clocks, network and machines do', () => {
  test('there are never two leaders, and one again soon after it is over', async () => {
    let terms = 0;
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        const world = await live(scenario);
        world.calm();
        await world.pass(recoveryMs);
        expect(world.members.filter(({ elector }) => elector.leading)).toHaveLength(1);
        // And it stays the same one.
        const termsBefore = world.terms;
        await world.pass(60_000);
        expect(world.terms).toBe(termsBefore);
        expect(world.doubles).toEqual([]);
        terms += world.terms;
        // Every one ends when its signal aborts.
        for (const { stop } of world.members) stop.abort();
        await world.pass(30_000);
        await Promise.all(world.members.map(({ ended }) => ended));
        expect(world.store.lease?.holderIdentity).toBe('');
      }),
      { numRuns: 60 },
    );
    // Otherwise the property held because no machine ever led.
    expect(terms).toBeGreaterThan(60);
  });
});
