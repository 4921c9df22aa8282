/**
 * What the containers of a run would do, since kwok's pods do nothing: students feed and train, teachers label, by the
 * same flow as in the simulator, at the times at which a real cluster binds, readies and ends the pods. It keeps the
 * simulator's account of them, so that both are judged alike. Pure: time is told.
 *
 * Invariants:
 *  plant/P1 Told times never go back; what is told late counts from when it is told.
 *  plant/P2 Every teacher that was bound is counted once as a start, and its seconds once: starting, ready or draining.
 */
import {
  advance,
  type Job,
  meter,
  type Outcome,
  secondsToTurn,
  startedJob,
  type Teacher,
  type Trace,
} from '../../../src/simulate/index.js';

/** A teacher's pod as the API server shows it. */
export interface SeenTeacher {
  /** Of the pod. */
  readonly uid: string;
  /** uid of its job in the trace. */
  readonly job: string;
  /** Gone: the pod is no more. */
  readonly phase: 'Pending' | 'Starting' | 'Ready' | 'Leaving' | 'Gone';
  /** The scheduler sent it away for a pod of higher priority. */
  readonly preempted: boolean;
}

interface Held {
  readonly teacher: Teacher;
  preempted: boolean;
}

export class Plant {
  readonly #trace: Trace;
  readonly #slots: number;
  readonly #measured = meter();
  readonly #jobs = new Map<string, Job>();
  readonly #held = new Map<string, Held>();
  readonly #boundNeighbors = new Set<number>();
  readonly #waits: (number | null)[];
  readonly #counts = { teacherStarts: 0, preemptions: 0, startingSeconds: 0, drainingSeconds: 0 };
  #neighborSlots = 0;
  #neighborsToCome: number;
  #nowSeconds = 0;
  #events = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#slots = trace.nodes.reduce((sum, { slots }) => sum + slots, 0);
    this.#waits = trace.neighbors.map(() => null);
    this.#neighborsToCome = trace.neighbors.length;
  }

  /** Every job is done and every neighbor was bound: what happens from here on is no part of the comparison. */
  get isOver(): boolean {
    return (
      this.#neighborsToCome === 0 &&
      this.#jobs.size === this.#trace.jobs.length &&
      [...this.#jobs.values()].every(({ phase }) => phase === 'Done')
    );
  }

  /** Neighbors that came and have no node yet. */
  waitingNeighbors(nowSeconds: number): number {
    const came = this.#trace.neighbors.filter(({ arrivesAtSeconds }) => arrivesAtSeconds <= nowSeconds).length;
    return came - (this.#trace.neighbors.length - this.#neighborsToCome);
  }

  /** Those that were submitted, in that order. */
  get jobs(): readonly Job[] {
    return [...this.#jobs.values()];
  }

  submit(index: number, nowSeconds: number): void {
    this.proceed(nowSeconds);
    const spec = this.#trace.jobs[index];
    if (spec === undefined) return;
    const job = startedJob(spec);
    job.countedToSeconds = this.#nowSeconds;
    this.#jobs.set(spec.uid, job);
    this.#measured.update(job);
  }

  studentUp(uid: string, nowSeconds: number): void {
    this.proceed(nowSeconds);
    const job = this.#jobs.get(uid);
    if (job?.phase !== 'Starting') return;
    job.phase = 'Training';
    this.#measured.update(job);
  }

  /** @returns whether that is news */
  neighborBound(index: number, nowSeconds: number): boolean {
    this.proceed(nowSeconds);
    const pod = this.#trace.neighbors[index];
    if (pod === undefined || this.#waits[index] !== null) return false;
    this.#waits[index] = this.#nowSeconds - pod.arrivesAtSeconds;
    this.#boundNeighbors.add(index);
    this.#neighborSlots += pod.slots;
    this.#neighborsToCome--;
    return true;
  }

  neighborGone(index: number, nowSeconds: number): void {
    this.proceed(nowSeconds);
    if (this.#boundNeighbors.delete(index)) this.#neighborSlots -= this.#trace.neighbors[index]?.slots ?? 0;
  }

  /** Whatever changed, or nothing: the same twice is the same once. A phase that nobody saw took no time. */
  teacherSeen({ uid, job: jobUid, phase, preempted }: SeenTeacher, nowSeconds: number): void {
    this.proceed(nowSeconds);
    const job = this.#jobs.get(jobUid);
    if (job === undefined) return;
    const held = this.#held.get(uid) ?? this.#createdIn(job);
    this.#held.set(uid, held);
    if (preempted && !held.preempted) {
      held.preempted = true;
      this.#counts.preemptions++;
    }
    if (phase === 'Gone') {
      this.#move(held.teacher, null);
      this.#held.delete(uid);
    } else if (phase !== held.teacher.phase) {
      this.#move(held.teacher, phase);
    }
    this.#measured.update(job);
  }

  /** Works off all turns up to `nowSeconds`, and counts every job's steps and seconds up to then. */
  proceed(nowSeconds: number): void {
    for (;;) {
      const next = this.#nextTurn();
      if (next === null || next.atSeconds > nowSeconds) break;
      this.#countTo(next.atSeconds);
      this.#turn(next.job);
    }
    this.#countTo(nowSeconds);
    for (const job of this.#jobs.values()) advance(job, this.#nowSeconds);
  }

  outcome(policy: string): Outcome {
    const jobs = this.jobs;
    const busySeconds = jobs.reduce((sum, job) => sum + job.busyTeacherSeconds, 0);
    const readySeconds = jobs.reduce((sum, job) => sum + job.readyTeacherSeconds, 0);
    return {
      policy,
      completionSeconds: this.#trace.jobs.map(({ uid, submittedAtSeconds }) => {
        const endedAt = this.#jobs.get(uid)?.endedAtSeconds ?? null;
        return endedAt === null ? null : endedAt - submittedAtSeconds;
      }),
      waitSeconds: [...this.#waits],
      slots: this.#slots,
      ...this.#measured.usage(),
      ...this.#counts,
      busySeconds,
      waitingSeconds: readySeconds - busySeconds,
      trainedSteps: jobs.reduce((sum, job) => sum + job.trainedSteps, 0),
      events: this.#events,
    };
  }

  #createdIn(job: Job): Held {
    const times = { phaseSinceSeconds: this.#nowSeconds, createdAtSeconds: this.#nowSeconds };
    const teacher: Teacher = { job, phase: 'Pending', node: null, rate: 0, ...times };
    job.pending.add(teacher);
    return { teacher, preempted: false };
  }

  #move(teacher: Teacher, phase: Teacher['phase'] | null): void {
    const { job } = teacher;
    const seconds = this.#nowSeconds - teacher.phaseSinceSeconds;
    if (teacher.phase === 'Starting') this.#counts.startingSeconds += seconds;
    if (teacher.phase === 'Leaving') this.#counts.drainingSeconds += seconds;
    if (teacher.phase === 'Pending' && phase !== null) this.#counts.teacherStarts++;
    for (const set of [job.pending, job.starting, job.ready]) set.delete(teacher);
    if (phase === 'Starting') job.starting.add(teacher);
    if (phase === 'Ready') job.ready.add(teacher);
    if (phase !== null) teacher.phase = phase;
    teacher.phaseSinceSeconds = this.#nowSeconds;
    job.rate = job.ready.size * job.spec.teacherStepsPerSecond;
  }

  #nextTurn(): { readonly job: Job; readonly atSeconds: number } | null {
    let next: { readonly job: Job; readonly atSeconds: number } | null = null;
    for (const job of this.#jobs.values()) {
      if (job.phase === 'Done') continue;
      const atSeconds = job.countedToSeconds + secondsToTurn(job);
      if (atSeconds < Infinity && (next === null || atSeconds < next.atSeconds)) next = { job, atSeconds };
    }
    return next;
  }

  #turn(job: Job): void {
    advance(job, this.#nowSeconds);
    if (job.trainedSteps >= job.spec.steps) {
      job.phase = 'Done';
      job.endedAtSeconds = this.#nowSeconds;
    }
    this.#measured.update(job);
  }

  #countTo(seconds: number): void {
    this.#events++;
    if (seconds <= this.#nowSeconds) return;
    this.#measured.count(seconds, this.#slots - this.#neighborSlots);
    this.#nowSeconds = seconds;
  }
}
