/**
 * Simulated workers of many jobs: each student and teacher publishes telemetry twice a second, as real ones do, and does
 * nothing else.
 */
import type { NatsConnection } from '@nats-io/transport-node';

import { publishStates } from '../kit/cluster/telemetry-publisher.js';

export interface SimulatedJob {
  readonly uid: string;
  /** Names of the job's teacher pods. */
  readonly teachers: readonly string[];
}

const everyMs = 500;
/** The jobs take turns, so that not all of them publish at once. */
const turns = 10;
const stepsPerSecond = 10;
const window = 24;
/** The student needs four of these teachers. */
const rates = { student: 1_000, teacher: 400 };

export class SimulatedWorkers {
  published = 0;
  readonly #connection: NatsConnection;
  readonly #jobs: readonly SimulatedJob[];
  readonly #startMs = Date.now();
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(connection: NatsConnection, jobs: readonly SimulatedJob[]) {
    this.#connection = connection;
    this.#jobs = jobs;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#jobs.filter((_, index) => index % turns === this.#turn).forEach((job) => this.#publish(job));
      this.#turn = (this.#turn + 1) % turns;
    }, everyMs / turns);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  #publish({ uid, teachers }: SimulatedJob): void {
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
    this.published += publishStates(this.#connection, uid, student, Object.fromEntries(states));
  }
}
