/**
 * A discrete-event simulation of one trace under one policy. Pure and deterministic: the time is that of the current event,
 * and only the trace holds random values. The caller runs it in slices, so that it can show progress and stop it.
 */
import { type Cluster, clusterOf } from './cluster.js';
import { eventQueue } from './event-queue.js';
import { advance, flowOf, type Job, secondsToTurn, startedJob, type Teacher, teachersNeeded } from './job.js';
import { meter, type Outcome } from './measures.js';
import { type Consequences, type Neighbor, type PodRules, Pods } from './pods.js';
import type { JobView, Policy, PolicyView, TeacherView } from './policies/policy.js';
import type { Trace } from './trace.js';

type SimulatedEvent =
  | { readonly kind: 'NeighborArrives' | 'NeighborEnds'; readonly neighbor: Neighbor }
  | { readonly kind: 'JobSubmitted'; readonly index: number }
  | { readonly kind: 'StudentUp'; readonly job: Job }
  | { readonly kind: 'JobTurns'; readonly job: Job; readonly turn: number }
  | { readonly kind: 'TeacherReady' | 'TeacherGone'; readonly teacher: Teacher }
  | { readonly kind: 'PolicyDecides'; readonly again: boolean };

export interface Simulation {
  readonly policy: string;
  /** Simulated seconds so far. */
  readonly nowSeconds: number;
  /** Processes `events` events. @returns true if there are more */
  proceed(events: number): boolean;
  outcome(): Outcome;
}

/**
 * @param policy null = no teachers: gives the waits of neighbors among themselves
 * @param cutOffSeconds jobs that are not done by then count as never done
 */
export function simulation(trace: Trace, policy: Policy | null, cutOffSeconds: number): Simulation {
  return new TraceRun(trace, policy, cutOffSeconds);
}

class TraceRun implements Simulation {
  readonly policy: string;
  readonly #trace: Trace;
  readonly #policy: Policy | null;
  readonly #cutOffSeconds: number;
  readonly #queue = eventQueue<SimulatedEvent>();
  readonly #cluster: Cluster<Teacher>;
  readonly #pods: Pods;
  readonly #measured = meter();
  readonly #jobs: (Job | null)[];
  readonly #active = new Map<string, Job>();
  readonly #neighbors: readonly Neighbor[];
  readonly #waits = new Map<Neighbor, number>();
  #now = 0;
  #events = 0;
  #isDecisionDue = false;
  #decidedAt = -Infinity;
  #jobsToCome: number;
  #neighborsToCome: number;

  constructor(trace: Trace, policy: Policy | null, cutOffSeconds: number) {
    this.policy = policy?.name ?? 'no teachers';
    this.#trace = trace;
    this.#policy = policy;
    this.#cutOffSeconds = cutOffSeconds;
    this.#cluster = clusterOf<Teacher>(trace.nodes);
    this.#jobs = trace.jobs.map(() => null);
    this.#neighbors = trace.neighbors.map((pod): Neighbor => {
      return { pod, node: null, promised: null, release: () => undefined };
    });
    this.#jobsToCome = policy === null ? 0 : trace.jobs.length;
    this.#neighborsToCome = trace.neighbors.length;
    this.#pods = new Pods(this.#cluster, rulesOf(trace, policy), this.#consequences());
    for (const neighbor of this.#neighbors) {
      this.#queue.push(neighbor.pod.arrivesAtSeconds, { kind: 'NeighborArrives', neighbor });
    }
    trace.jobs.forEach(({ submittedAtSeconds }, index) => {
      this.#queue.push(submittedAtSeconds, { kind: 'JobSubmitted', index });
    });
    if ((policy?.everySeconds ?? null) !== null) this.#queue.push(0, { kind: 'PolicyDecides', again: true });
  }

  get nowSeconds(): number {
    return this.#now;
  }

  proceed(most: number): boolean {
    for (let left = most; left > 0; left--) {
      if (this.#jobsToCome === 0 && this.#neighborsToCome === 0) return false;
      const next = this.#queue.pop();
      if (next === null || next.atSeconds > this.#cutOffSeconds) return false;
      this.#measured.count(next.atSeconds, this.#pods.idleSlots);
      this.#now = next.atSeconds;
      this.#events++;
      this.#happen(next.event);
    }
    return true;
  }

  outcome(): Outcome {
    const begun = this.#jobs.filter((job) => job !== null);
    for (const job of begun) if (job.phase !== 'Done') advance(job, this.#now);
    const busySeconds = begun.reduce((sum, job) => sum + job.busyTeacherSeconds, 0);
    const readySeconds = begun.reduce((sum, job) => sum + job.readyTeacherSeconds, 0);
    return {
      policy: this.policy,
      completionSeconds: this.#jobs.map(completionSeconds),
      waitSeconds: this.#neighbors.map((neighbor) => this.#waits.get(neighbor) ?? null),
      slots: this.#cluster.slots,
      ...this.#measured.usage(),
      ...this.#pods.counts,
      busySeconds,
      waitingSeconds: readySeconds - busySeconds,
      trainedSteps: begun.reduce((sum, job) => sum + job.trainedSteps, 0),
      events: this.#events,
    };
  }

  /** What follows a change of the pods. */
  #consequences(): Consequences {
    const { timings } = this.#trace;
    const queue = this.#queue;
    return {
      neighborBound: (neighbor) => {
        this.#neighborsToCome--;
        this.#waits.set(neighbor, this.#now - neighbor.pod.arrivesAtSeconds);
        queue.push(this.#now + neighbor.pod.runsSeconds, { kind: 'NeighborEnds', neighbor });
      },
      teacherBound: (teacher) => queue.push(this.#now + timings.teacherStartSeconds, { kind: 'TeacherReady', teacher }),
      teacherLeaving: (teacher) =>
        queue.push(this.#now + timings.teacherDrainSeconds, { kind: 'TeacherGone', teacher }),
      jobChanged: (job) => this.#scheduleTurn(job),
    };
  }

  #happen(event: SimulatedEvent): void {
    switch (event.kind) {
      case 'NeighborArrives':
        this.#pods.neighborArrives(event.neighbor, this.#now);
        break;
      case 'NeighborEnds':
        this.#pods.neighborEnds(event.neighbor, this.#now);
        break;
      case 'JobSubmitted':
        this.#submit(event.index);
        break;
      case 'StudentUp':
        advance(event.job, this.#now);
        event.job.phase = 'Training';
        this.#scheduleTurn(event.job);
        break;
      case 'JobTurns':
        if (event.turn !== event.job.turn || event.job.phase === 'Done') return;
        this.#turn(event.job);
        break;
      case 'TeacherReady':
        this.#pods.teacherReady(event.teacher, this.#now);
        break;
      case 'TeacherGone':
        this.#pods.teacherGone(event.teacher, this.#now);
        break;
      case 'PolicyDecides':
        this.#decide(event.again);
        return;
    }
    this.#changed();
  }

  /** Schedules the next change of a job's flow, after its rates may have changed. */
  #scheduleTurn(job: Job): void {
    advance(job, this.#now);
    this.#measured.update(job);
    job.turn++;
    const seconds = secondsToTurn(job);
    if (seconds < Infinity) this.#queue.push(this.#now + seconds, { kind: 'JobTurns', job, turn: job.turn });
  }

  #changed(): void {
    const delay = this.#policy?.afterChangeSeconds ?? null;
    if (delay === null || this.#isDecisionDue) return;
    this.#isDecisionDue = true;
    this.#queue.push(Math.max(this.#now + delay, this.#decidedAt + (this.#policy?.restSeconds ?? 0)), {
      kind: 'PolicyDecides',
      again: false,
    });
  }

  #submit(index: number): void {
    const spec = this.#trace.jobs[index];
    if (spec === undefined || this.#policy === null) return;
    const job = startedJob(spec);
    this.#jobs[index] = job;
    this.#active.set(spec.uid, job);
    this.#queue.push(this.#now + this.#trace.timings.studentStartSeconds, { kind: 'StudentUp', job });
    this.#measured.update(job);
    this.#pods.scale(job, this.#policy.initialReplicas(viewOf(job)), this.#now);
  }

  #turn(job: Job): void {
    advance(job, this.#now);
    if (job.trainedSteps < job.spec.steps) {
      this.#scheduleTurn(job);
      return;
    }
    job.phase = 'Done';
    job.endedAtSeconds = this.#now;
    this.#active.delete(job.spec.uid);
    this.#jobsToCome--;
    this.#pods.scale(job, 0, this.#now);
    this.#measured.update(job);
  }

  #decide(again: boolean): void {
    const policy = this.#policy;
    if (policy === null) return;
    if (again && policy.everySeconds !== null && this.#jobsToCome > 0) {
      this.#queue.push(this.#now + policy.everySeconds, { kind: 'PolicyDecides', again });
    }
    if (!again) this.#isDecisionDue = false;
    this.#decidedAt = this.#now;
    if (this.#active.size === 0) return;
    for (const job of this.#active.values()) advance(job, this.#now);
    for (const { uid, replicas } of policy.decide(this.#view())) {
      const job = this.#active.get(uid);
      if (job !== undefined && replicas !== job.desired) this.#pods.scale(job, replicas, this.#now);
    }
  }

  #view(): PolicyView {
    const { idleSlots, promisedSlots } = this.#pods;
    return {
      nowSeconds: this.#now,
      jobs: [...this.#active.values()].map(viewOf),
      slots: this.#cluster.slots,
      slotsForTeachers: Math.max(0, idleSlots - promisedSlots),
      freeSlots: this.#cluster.free - promisedSlots,
    };
  }
}

/** null when it never ended. */
function completionSeconds(job: Job | null): number | null {
  const endedAt = job?.endedAtSeconds ?? null;
  return job === null || endedAt === null ? null : endedAt - job.spec.submittedAtSeconds;
}

function rulesOf({ speeds }: Trace, policy: Policy | null): PodRules {
  return {
    speeds,
    preemptible: policy?.priority === 'Preemptible',
    placement: policy?.placement ?? 'Packed',
    leaving: policy?.leaving ?? 'Youngest',
  };
}

function viewOf(job: Job): JobView {
  const { spec, pending, starting, ready, labeledSteps, trainedSteps } = job;
  const isStudentUp = job.phase === 'Training';
  return {
    uid: spec.uid,
    weight: spec.weight,
    minReplicas: spec.minReplicas,
    maxReplicas: spec.maxReplicas,
    batchSize: spec.batchSize,
    bufferTargetSeconds: spec.bufferTargetSeconds,
    desired: job.desired,
    pendingTeachers: pending.size,
    startingTeachers: starting.size,
    readyTeachers: ready.size,
    teachers: teachersOf(job),
    isStudentUp,
    studentStepsPerSecond: spec.studentStepsPerSecond,
    teacherStepsPerSecond: ready.size === 0 ? null : job.rate / ready.size,
    teachersNeeded: teachersNeeded(job),
    steps: spec.steps,
    windowSteps: spec.windowSteps,
    fedSteps: isStudentUp ? Math.min(spec.steps, trainedSteps + spec.windowSteps) : 0,
    labeledSteps,
    trainedSteps,
    // Little's law: rate × time in service, which is what one teacher takes for a step.
    inFlightSteps: ready.size === 0 ? 0 : (flowOf(job).labeled / job.rate) * ready.size,
    busyTeacherSeconds: job.busyTeacherSeconds,
    readyTeacherSeconds: job.readyTeacherSeconds,
  };
}

function* teachersOf({ pending, starting, ready }: Job): Generator<TeacherView> {
  for (const { createdAtSeconds } of pending) yield { phase: 'Pending', createdAtSeconds };
  for (const { createdAtSeconds } of starting) yield { phase: 'Starting', createdAtSeconds };
  for (const { createdAtSeconds } of ready) yield { phase: 'Ready', createdAtSeconds };
}
