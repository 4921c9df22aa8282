/**
 * The pods of the simulated cluster: what Deployments, scheduler and kubelets do with teachers and with the neighbors'
 * pods. The policy only says how many teachers a job shall have.
 *
 * Invariants:
 *  pods/T1 A slot is held by one pod at most, and by a teacher until the pod is gone (I5).
 *  pods/T2 A neighbor comes before any waiting teacher; with preemptible teachers the scheduler makes room for it at
 *     once.
 *  pods/T3 A Deployment replaces a teacher that was preempted at once, if need be by a pod that waits.
 */
import type { Cluster, Node } from './cluster.js';
import { advance, type Job, type Teacher } from './job.js';
import type { Policy } from './policies/policy.js';
import type { TraceNeighbor } from './trace.js';

export interface Neighbor {
  readonly pod: TraceNeighbor;
  /** Where it runs; null until it is bound. */
  node: Node<Teacher> | null;
  /** Where teachers go for it; null = nowhere. */
  promised: Node<Teacher> | null;
  /** Gives its room back. */
  release: () => void;
}

/** What follows from a change of pods; whoever runs the simulation foretells it. */
export interface Consequences {
  neighborBound(neighbor: Neighbor): void;
  teacherBound(teacher: Teacher): void;
  teacherLeaving(teacher: Teacher): void;
  /** Its teachers are others than before. */
  jobChanged(job: Job): void;
}

export interface PodRules extends Pick<Policy, 'placement' | 'leaving'> {
  readonly speeds: Readonly<Record<string, number>>;
  readonly preemptible: boolean;
}

export interface Pods {
  readonly counts: {
    readonly teacherStarts: number;
    readonly preemptions: number;
    readonly startingSeconds: number;
    readonly drainingSeconds: number;
  };
  /** Slots that no neighbor holds. */
  readonly idleSlots: number;
  /** Slots that waiting neighbors were promised. */
  readonly promisedSlots: number;
  neighborArrives(neighbor: Neighbor, nowSeconds: number): void;
  neighborEnds(neighbor: Neighbor, nowSeconds: number): void;
  teacherReady(teacher: Teacher, nowSeconds: number): void;
  teacherGone(teacher: Teacher, nowSeconds: number): void;
  scale(job: Job, replicas: number, nowSeconds: number): void;
}

export function podsOf(
  cluster: Cluster<Teacher>,
  { speeds, preemptible, placement, leaving }: PodRules,
  follow: Consequences,
): Pods {
  const counts = { teacherStarts: 0, preemptions: 0, startingSeconds: 0, drainingSeconds: 0 };
  const waitingNeighbors = new Set<Neighbor>();
  const waitingTeachers = new Set<Teacher>();
  let heldByTeachers = 0;
  let promisedSlots = 0;

  const bindNeighbor = (neighbor: Neighbor, node: Node<Teacher>): void => {
    waitingNeighbors.delete(neighbor);
    unpromise(neighbor);
    neighbor.node = node;
    neighbor.release = cluster.hold(neighbor.pod, node);
    follow.neighborBound(neighbor);
  };
  const unpromise = (neighbor: Neighbor): void => {
    const { promised, pod } = neighbor;
    if (promised === null) return;
    neighbor.promised = null;
    promisedSlots -= pod.slots;
    cluster.change(promised, (node) => (node.promised -= pod.slots));
  };
  const makeRoom = (neighbor: Neighbor, nowSeconds: number, among?: readonly Node<Teacher>[]): void => {
    if (!preemptible || neighbor.promised !== null) return;
    const found = cluster.nodeByPreemption(neighbor.pod, among);
    if (found === null) return;
    neighbor.promised = found.node;
    promisedSlots += neighbor.pod.slots;
    cluster.change(found.node, (node) => (node.promised += neighbor.pod.slots));
    // The scheduler reprieves the oldest.
    const victims = found.victims === 0 ? [] : [...found.node.teachers.keys()].slice(-found.victims);
    counts.preemptions += victims.length;
    for (const victim of victims) dismiss(victim, nowSeconds);
    for (const { job } of victims) create(job, nowSeconds);
  };

  const bindTeacher = (teacher: Teacher, node: Node<Teacher>, nowSeconds: number): void => {
    const { job } = teacher;
    job.pending.delete(teacher);
    job.starting.add(teacher);
    teacher.phase = 'Starting';
    teacher.node = node;
    teacher.rate = job.spec.teacherStepsPerSecond * (speeds[node.model] ?? 1);
    teacher.phaseSinceSeconds = nowSeconds;
    counts.teacherStarts++;
    heldByTeachers++;
    cluster.change(node, (held) => held.free--);
    node.teachers.set(teacher, nowSeconds);
    follow.teacherBound(teacher);
    follow.jobChanged(job);
  };
  const create = (job: Job, nowSeconds: number): void => {
    const times = { phaseSinceSeconds: nowSeconds, createdAtSeconds: nowSeconds };
    const teacher: Teacher = { job, phase: 'Pending', node: null, rate: 0, ...times };
    job.pending.add(teacher);
    const node = cluster.nodeForTeacher(placement);
    if (node === null) waitingTeachers.add(teacher);
    else bindTeacher(teacher, node, nowSeconds);
  };
  /** Sends SIGTERM, or takes a pod away that never ran. */
  const dismiss = (teacher: Teacher, nowSeconds: number): void => {
    const { job, node } = teacher;
    if (node === null) {
      job.pending.delete(teacher);
      waitingTeachers.delete(teacher);
      return;
    }
    advance(job, nowSeconds);
    if (teacher.phase === 'Starting') counts.startingSeconds += nowSeconds - teacher.phaseSinceSeconds;
    job.starting.delete(teacher);
    if (job.ready.delete(teacher)) job.rate = rateOf(job);
    teacher.phase = 'Leaving';
    teacher.phaseSinceSeconds = nowSeconds;
    node.teachers.delete(teacher);
    node.leaving++;
    follow.teacherLeaving(teacher);
    follow.jobChanged(job);
  };

  /** Room came up on a node: first for those it was promised to, then for whoever waits (pods/T2). */
  const fill = (node: Node<Teacher>, nowSeconds: number, byNeighbor: boolean): void => {
    for (const neighbor of waitingNeighbors) {
      if (neighbor.promised === node) {
        if (node.free >= neighbor.pod.slots) bindNeighbor(neighbor, node);
      } else if (cluster.fits(neighbor.pod, node)) {
        bindNeighbor(neighbor, node);
      } else if (byNeighbor) {
        makeRoom(neighbor, nowSeconds, [node]);
      }
    }
    for (const teacher of waitingTeachers) {
      const open = cluster.nodeForTeacher(placement);
      if (open === null) break;
      waitingTeachers.delete(teacher);
      bindTeacher(teacher, open, nowSeconds);
    }
  };

  return {
    counts,
    get idleSlots() {
      return cluster.free + heldByTeachers;
    },
    get promisedSlots() {
      return promisedSlots;
    },
    neighborArrives: (neighbor, nowSeconds) => {
      const node = cluster.nodeForNeighbor(neighbor.pod);
      if (node !== null) {
        bindNeighbor(neighbor, node);
        return;
      }
      waitingNeighbors.add(neighbor);
      makeRoom(neighbor, nowSeconds);
    },
    neighborEnds: (neighbor, nowSeconds) => {
      neighbor.release();
      if (neighbor.node !== null) fill(neighbor.node, nowSeconds, true);
    },
    teacherReady: (teacher, nowSeconds) => {
      if (teacher.phase !== 'Starting') return;
      const { job } = teacher;
      advance(job, nowSeconds);
      counts.startingSeconds += nowSeconds - teacher.phaseSinceSeconds;
      teacher.phase = 'Ready';
      teacher.phaseSinceSeconds = nowSeconds;
      job.starting.delete(teacher);
      job.ready.add(teacher);
      job.rate = rateOf(job);
      follow.jobChanged(job);
    },
    teacherGone: (teacher, nowSeconds) => {
      const { node } = teacher;
      if (node === null) return;
      counts.drainingSeconds += nowSeconds - teacher.phaseSinceSeconds;
      heldByTeachers--;
      node.leaving--;
      cluster.change(node, (held) => held.free++);
      fill(node, nowSeconds, false);
    },
    scale: (job, replicas, nowSeconds) => {
      job.desired = replicas;
      const surplus = job.pending.size + job.starting.size + job.ready.size - replicas;
      for (let missing = -surplus; missing > 0; missing--) create(job, nowSeconds);
      if (surplus > 0) leastUseful(job, surplus, leaving).forEach((teacher) => dismiss(teacher, nowSeconds));
    },
  };
}

/** Summed anew each time, so that no rounding error adds up. */
function rateOf({ ready }: Job): number {
  let rate = 0;
  for (const teacher of ready) rate += teacher.rate;
  return rate;
}

/** As a ReplicaSet ranks its pods: those that wait, by their deletion cost, those not ready, then the youngest. */
function leastUseful({ pending, starting, ready }: Job, count: number, rule: Policy['leaving']): Teacher[] {
  const ranked = [...[...pending].reverse(), ...[...starting].reverse(), ...[...ready].reverse()];
  if (rule === 'BesideNeighbors') ranked.sort((one, other) => besides(other) - besides(one));
  return ranked.slice(0, count);
}

/** Slots that neighbors hold beside a teacher; most of all for one that has no node. */
function besides({ node }: Teacher): number {
  return node === null ? Infinity : node.neighbors / node.slots;
}
