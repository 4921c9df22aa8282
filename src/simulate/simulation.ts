/**
 * A discrete-event simulation of one trace under one policy. Pure and the same every time: time is the event's, and what
 * is random is in the trace. It is driven in slices, so that whoever runs it can show how far it is, and stop it.
 */
import { clusterOf } from './cluster.js';
import { eventQueue } from './event-queue.js';
import { advance, flowOf, type Job, secondsToTurn, startedJob, type Teacher, teachersNeeded } from './job.js';
import { meter, type Outcome } from './measures.js';
import { type Neighbor, podsOf } from './pods.js';
import type { JobView, Policy, PolicyView, TeacherView } from './policies/policy.js';
import type { Trace } from './trace.js';

type SimulatedEvent =
  | { readonly kind: 'NeighborArrives' | 'NeighborEnds'; readonly neighbor: Neighbor }
  | { readonly kind: 'JobSubmitted'; readonly index: number }
  | { readonly kind: 'StudentUp'; readonly job: Job }
  | { readonly kind: 'JobTurns'; readonly job: Job; readonly turn: number }
  | { readonly kind: 'TeacherReady' | 'TeacherGone'; readonly teacher: Teacher }
  | { readonly kind: 'PolicyLooks'; readonly again: boolean };

export interface Simulation {
  readonly policy: string;
  /** Simulated seconds so far. */
  readonly nowSeconds: number;
  /** Works off so many events. @returns whether there are more */
  proceed(events: number): boolean;
  outcome(): Outcome;
}

/**
 * @param policy null = no teachers at all: how long neighbors wait by themselves
 * @param cutOffSeconds jobs that are not done then never are
 */
export function simulation(trace: Trace, policy: Policy | null, cutOffSeconds: number): Simulation {
  const { timings } = trace;
  const queue = eventQueue<SimulatedEvent>();
  const cluster = clusterOf<Teacher>(trace.nodes);
  const measured = meter();
  const jobs: (Job | null)[] = trace.jobs.map(() => null);
  const active = new Map<string, Job>();
  const waits = new Map<Neighbor, number>();
  const neighbors = trace.neighbors.map((pod): Neighbor => {
    return { pod, node: null, promised: null, release: () => undefined };
  });
  let now = 0;
  let events = 0;
  let isLookDue = false;
  let lookedAt = -Infinity;
  let jobsToCome = policy === null ? 0 : trace.jobs.length;
  let neighborsToCome = neighbors.length;

  const pods = podsOf(
    cluster,
    {
      speeds: trace.speeds,
      preemptible: policy?.priority === 'Preemptible',
      placement: policy?.placement ?? 'Packed',
      leaving: policy?.leaving ?? 'Youngest',
    },
    {
      neighborBound: (neighbor) => {
        neighborsToCome--;
        waits.set(neighbor, now - neighbor.pod.arrivesAtSeconds);
        queue.push(now + neighbor.pod.runsSeconds, { kind: 'NeighborEnds', neighbor });
      },
      teacherBound: (teacher) => queue.push(now + timings.teacherStartSeconds, { kind: 'TeacherReady', teacher }),
      teacherLeaving: (teacher) => queue.push(now + timings.teacherDrainSeconds, { kind: 'TeacherGone', teacher }),
      jobChanged: (job) => foretell(job),
    },
  );

  /** The flow of a job may be another from now on. */
  function foretell(job: Job): void {
    advance(job, now);
    measured.update(job);
    job.turn++;
    const seconds = secondsToTurn(job);
    if (seconds < Infinity) queue.push(now + seconds, { kind: 'JobTurns', job, turn: job.turn });
  }

  function changed(): void {
    const delay = policy?.afterChangeSeconds ?? null;
    if (delay === null || isLookDue) return;
    isLookDue = true;
    queue.push(Math.max(now + delay, lookedAt + (policy?.restSeconds ?? 0)), {
      kind: 'PolicyLooks',
      again: false,
    });
  }

  function happen(event: SimulatedEvent): void {
    switch (event.kind) {
      case 'NeighborArrives':
        pods.neighborArrives(event.neighbor, now);
        break;
      case 'NeighborEnds':
        pods.neighborEnds(event.neighbor, now);
        break;
      case 'JobSubmitted':
        submit(event.index);
        break;
      case 'StudentUp':
        advance(event.job, now);
        event.job.phase = 'Training';
        foretell(event.job);
        break;
      case 'JobTurns':
        if (event.turn !== event.job.turn || event.job.phase === 'Done') return;
        turn(event.job);
        break;
      case 'TeacherReady':
        pods.teacherReady(event.teacher, now);
        break;
      case 'TeacherGone':
        pods.teacherGone(event.teacher, now);
        break;
      case 'PolicyLooks':
        look(event.again);
        return;
    }
    changed();
  }

  function submit(index: number): void {
    const spec = trace.jobs[index];
    if (spec === undefined || policy === null) return;
    const job = startedJob(spec);
    jobs[index] = job;
    active.set(spec.uid, job);
    queue.push(now + timings.studentStartSeconds, { kind: 'StudentUp', job });
    measured.update(job);
    pods.scale(job, policy.initialReplicas(viewOf(job)), now);
  }

  function turn(job: Job): void {
    advance(job, now);
    if (job.trainedSteps < job.spec.steps) {
      foretell(job);
      return;
    }
    job.phase = 'Done';
    job.endedAtSeconds = now;
    active.delete(job.spec.uid);
    jobsToCome--;
    pods.scale(job, 0, now);
    measured.update(job);
  }

  function look(again: boolean): void {
    if (policy === null) return;
    if (again && policy.everySeconds !== null && jobsToCome > 0) {
      queue.push(now + policy.everySeconds, { kind: 'PolicyLooks', again });
    }
    if (!again) isLookDue = false;
    lookedAt = now;
    if (active.size === 0) return;
    for (const job of active.values()) advance(job, now);
    for (const { uid, replicas } of policy.decide(view())) {
      const job = active.get(uid);
      if (job !== undefined && replicas !== job.desired) pods.scale(job, replicas, now);
    }
  }

  function view(): PolicyView {
    const slotsForTeachers = Math.max(0, pods.idleSlots - pods.promisedSlots);
    return {
      nowSeconds: now,
      jobs: [...active.values()].map(viewOf),
      slots: cluster.slots,
      slotsForTeachers,
      freeSlots: cluster.free - pods.promisedSlots,
    };
  }

  for (const neighbor of neighbors) {
    queue.push(neighbor.pod.arrivesAtSeconds, { kind: 'NeighborArrives', neighbor });
  }
  trace.jobs.forEach(({ submittedAtSeconds }, index) => {
    queue.push(submittedAtSeconds, { kind: 'JobSubmitted', index });
  });
  if ((policy?.everySeconds ?? null) !== null) queue.push(0, { kind: 'PolicyLooks', again: true });

  const name = policy?.name ?? 'no teachers';
  return {
    policy: name,
    get nowSeconds() {
      return now;
    },
    proceed: (most) => {
      for (let left = most; left > 0; left--) {
        if (jobsToCome === 0 && neighborsToCome === 0) return false;
        const next = queue.pop();
        if (next === null || next.atSeconds > cutOffSeconds) return false;
        measured.count(next.atSeconds, pods.idleSlots);
        now = next.atSeconds;
        events++;
        happen(next.event);
      }
      return true;
    },
    outcome: () => {
      const begun = jobs.filter((job) => job !== null);
      for (const job of begun) if (job.phase !== 'Done') advance(job, now);
      const busySeconds = begun.reduce((sum, job) => sum + job.busyTeacherSeconds, 0);
      const readySeconds = begun.reduce((sum, job) => sum + job.readyTeacherSeconds, 0);
      return {
        policy: name,
        completionSeconds: jobs.map((job) => {
          const endedAt = job?.endedAtSeconds ?? null;
          return job === null || endedAt === null ? null : endedAt - job.spec.submittedAtSeconds;
        }),
        waitSeconds: neighbors.map((neighbor) => waits.get(neighbor) ?? null),
        slots: cluster.slots,
        ...measured.usage(),
        ...pods.counts,
        busySeconds,
        waitingSeconds: readySeconds - busySeconds,
        trainedSteps: begun.reduce((sum, job) => sum + job.trainedSteps, 0),
        events,
      };
    },
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
