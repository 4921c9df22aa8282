/**
 * One trace, in real time, under one way to scale: a control plane and NATS of its own, kwok's nodes, real pods. The driver
 * only does what people and their programs would: it creates and ends neighbors, submits jobs, and says when one is done.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Outcome, Trace } from '../../../src/simulate/index.js';
import { freePorts } from '../../kit/cluster/ports.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { connectRoot } from '../../kit/stream.js';

import { kwokUsage } from './hpa.js';
import { createNeighbor, endNeighbor } from './neighbors.js';
import { Plant } from './plant.js';
import { type SeenPod, watchPods } from './pods.js';
import { packing } from './scheduling.js';
import type { RunningTeacher, Scaler, Setting } from './scaler.js';
import { resource } from './teachers.js';

const lookEveryMs = 250;
const tellEverySeconds = 30;

export interface Play {
  /** As a table calls it. */
  readonly name: string;
  readonly start: (setting: Setting) => Promise<Scaler>;
  readonly trace: Trace;
  /** Jobs that are not done then never are. */
  readonly cutOffSeconds: number;
  readonly say: (line: string) => void;
}

export async function play(wanted: Play): Promise<Outcome> {
  const [natsMonitoringPort = 0] = await freePorts(1);
  const world = await OperatorCluster.create({
    aggregation: true,
    schedulerProfile: packing(resource),
    natsMonitoringPort,
    // KEDA looks into one account.
    natsMode: 'signed',
    kwokConfigs: [kwokUsage],
  });
  try {
    return await playOn(world, wanted);
  } finally {
    await world.close();
  }
}

async function playOn(world: OperatorCluster, { name, start, trace, cutOffSeconds, say }: Play): Promise<Outcome> {
  const { connection } = await connectRoot(world.nats);
  try {
    const gpus = trace.nodes[0]?.slots ?? 0;
    await world.cluster.addNodes(trace.nodes.length, { gpus });
    const scaler = await start({ world, trace, connection });
    const run = new Run(world, trace, scaler, say);
    await run.until(cutOffSeconds);
    return run.plant.outcome(name);
  } finally {
    await connection.close();
  }
}

class Run {
  readonly plant: Plant;
  readonly #world: OperatorCluster;
  readonly #trace: Trace;
  readonly #scaler: Scaler;
  readonly #say: (line: string) => void;
  readonly #over = new AbortController();
  readonly #running = new Map<string, Map<string, RunningTeacher>>();
  readonly #students = new Map<string, string>();
  readonly #announced = new Set<string>();
  readonly #startMs = performance.now();
  readonly #failed = Promise.withResolvers<never>();

  constructor(world: OperatorCluster, trace: Trace, scaler: Scaler, say: (line: string) => void) {
    this.plant = new Plant(trace);
    this.#world = world;
    this.#trace = trace;
    this.#scaler = scaler;
    this.#say = say;
  }

  /** Resolves when all is done, or the time is up. @throws whatever went wrong on the way */
  async until(cutOffSeconds: number): Promise<void> {
    this.#follow(watchPods(this.#world.cluster.api, (pod) => this.#seen(pod), this.#over.signal));
    this.#trace.neighbors.forEach((neighbor, index) => {
      this.#at(neighbor.arrivesAtSeconds, () => createNeighbor(this.#world.cluster.api, index, neighbor));
    });
    this.#trace.jobs.forEach((job, index) => {
      this.#at(job.submittedAtSeconds, async () => {
        this.plant.submit(index, this.#now());
        await this.#scaler.submitted(job);
      });
      this.#at(job.submittedAtSeconds + this.#trace.timings.studentStartSeconds, () => {
        this.plant.studentUp(job.uid, this.#now());
      });
    });
    try {
      await Promise.race([this.#failed.promise, this.#look(cutOffSeconds)]);
    } finally {
      this.#over.abort();
    }
  }

  async #look(cutOffSeconds: number): Promise<void> {
    let toldAtSeconds = 0;
    while (!this.plant.isOver && this.#now() < cutOffSeconds) {
      this.plant.proceed(this.#now());
      for (const { spec, phase } of this.plant.jobs) {
        if (phase !== 'Done' || this.#announced.has(spec.uid)) continue;
        this.#announced.add(spec.uid);
        await this.#scaler.done(spec, this.#students.get(spec.uid) ?? null);
      }
      const jobs = this.plant.jobs.filter(({ phase }) => phase !== 'Done');
      const teachers = new Map([...this.#running].map(([uid, pods]) => [uid, [...pods.values()]] as const));
      await this.#scaler.work({ nowSeconds: this.#now(), jobs, teachers });
      if (this.#now() - toldAtSeconds >= tellEverySeconds) {
        toldAtSeconds = this.#now();
        this.#tell();
      }
      await sleep(lookEveryMs);
    }
    this.plant.proceed(Math.min(cutOffSeconds, this.#now()));
  }

  #seen(pod: SeenPod): void {
    const now = this.#now();
    switch (pod.kind) {
      case 'Teacher': {
        this.plant.teacherSeen(pod, now);
        const running = this.#running.get(pod.job) ?? new Map<string, RunningTeacher>();
        this.#running.set(pod.job, running);
        if (pod.phase === 'Starting' || pod.phase === 'Ready') {
          running.set(pod.uid, { name: pod.name, isReady: pod.phase === 'Ready' });
        } else {
          running.delete(pod.uid);
        }
        break;
      }
      case 'Student':
        if (pod.isRunning) this.#students.set(pod.job, pod.name);
        break;
      case 'Neighbor':
        this.#neighborSeen(pod.index, pod.isBound, pod.isGone);
    }
  }

  #neighborSeen(index: number, isBound: boolean, isGone: boolean): void {
    const neighbor = this.#trace.neighbors[index];
    if (neighbor === undefined) return;
    if (isGone) {
      this.plant.neighborGone(index, this.#now());
    } else if (isBound && this.plant.neighborBound(index, this.#now())) {
      this.#at(this.#now() + neighbor.runsSeconds, () => endNeighbor(this.#world.cluster.api, neighbor));
    }
  }

  #tell(): void {
    const jobs = this.plant.jobs;
    const done = jobs.filter(({ phase }) => phase === 'Done').length;
    const sum = (of: (job: (typeof jobs)[number]) => number): number => jobs.reduce((all, job) => all + of(job), 0);
    this.#say(
      `${this.#now().toFixed(0)} s: ${String(done)} of ${String(this.#trace.jobs.length)} jobs done; teachers: ` +
        `${String(sum(({ ready }) => ready.size))} ready, ${String(sum(({ starting }) => starting.size))} starting, ` +
        `${String(sum(({ pending }) => pending.size))} waiting; ` +
        `${String(this.plant.waitingNeighbors(this.#now()))} neighbors waiting`,
    );
  }

  #at(seconds: number, act: () => Promise<void> | void): void {
    const wait = async (): Promise<void> => {
      await sleep(Math.max(0, (seconds - this.#now()) * 1_000), undefined, { signal: this.#over.signal });
      await act();
    };
    this.#follow(wait());
  }

  /** What fails while the run lasts ends it. */
  #follow(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#over.signal.aborted) this.#failed.reject(error);
    });
  }

  #now(): number {
    return (performance.now() - this.#startMs) / 1_000;
  }
}
