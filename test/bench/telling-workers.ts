/**
 * Workers of many jobs as the operator hears of them: each student and teacher tells of itself twice a second, as real ones
 * do, and nothing else of them is there.
 */
import type { NatsConnection } from '@nats-io/transport-node';

import { publishStates } from '../kit/cluster/telemetry-publisher.js';

export interface TellingJob {
  readonly uid: string;
  /** Names of the pods that label for it. */
  readonly teachers: readonly string[];
}

const everyMs = 500;
/** The jobs take turns, so that not all of them speak at once. */
const turns = 10;
const stepsPerSecond = 10;
const window = 24;
/** Four of them are what such a student needs. */
const rates = { student: 1_000, teacher: 400 };

export class TellingWorkers {
  told = 0;
  readonly #connection: NatsConnection;
  readonly #jobs: readonly TellingJob[];
  readonly #startMs = Date.now();
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(connection: NatsConnection, jobs: readonly TellingJob[]) {
    this.#connection = connection;
    this.#jobs = jobs;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#jobs.filter((_, index) => index % turns === this.#turn).forEach((job) => this.#tell(job));
      this.#turn = (this.#turn + 1) % turns;
    }, everyMs / turns);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #tell({ uid, teachers }: TellingJob): void {
    const step = Math.floor(((Date.now() - this.#startMs) / 1_000) * stepsPerSecond);
    const student = {
      step,
      samplesPerSecond: rates.student,
      unstarvedSamplesPerSecond: rates.student,
      window,
      fedSteps: step + window,
      loss: 1 / (1 + step),
    };
    const states = teachers.map((pod) => [pod, { capableSamplesPerSecond: rates.teacher, items: step }] as const);
    this.told += publishStates(this.#connection, uid, student, Object.fromEntries(states));
  }
}
