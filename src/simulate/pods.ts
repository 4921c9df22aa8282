/**
 * The pods of the simulated cluster: what Deployments, scheduler and kubelets do with teachers and with the neighbors'
 * pods. The policy decides only the number of teachers of a job.
 *
 * Invariants:
 *  pods/T1 At most one pod holds a slot; a teacher holds it until its pod is gone (I5).
 *  pods/T2 A neighbor comes before any waiting teacher; with preemptible teachers the scheduler makes room for it at
 *     once.
 *  pods/T3 A Deployment replaces a preempted teacher at once, if necessary by a pending pod.
 */
import type { Cluster, Node } from './cluster.js';
import { advance, type Job, type Teacher } from './job.js';
import type { Policy } from './policies/policy.js';
import type { TraceNeighbor } from './trace.js';

export interface Neighbor {
  readonly pod: TraceNeighbor;
  /** Node of the pod; null until it is bound. */
  node: Node<Teacher> | null;
  /** Node where teachers leave to make room for it; null = none. */
  promised: Node<Teacher> | null;
  /** Frees its slots. */
  release: () => void;
}

/** Callbacks for changes of pods; the simulation schedules the events that follow. */
export interface Consequences {
  neighborBound(neighbor: Neighbor): void;
  teacherBound(teacher: Teacher): void;
  teacherLeaving(teacher: Teacher): void;
  /** The set of its teachers has changed. */
  jobChanged(job: Job): void;
}

export interface PodRules extends Pick<Policy, 'placement' | 'leaving'> {
  readonly speeds: Readonly<Record<string, number>>;
  readonly preemptible: boolean;
}

interface Counts {
  teacherStarts: number;
  preemptions: number;
  startingSeconds: number;
  drainingSeconds: number;
}

export class Pods {
  readonly #cluster: Cluster<Teacher>;
  readonly #rules: PodRules;
  readonly #follow: Consequences;
  readonly #counts: Counts = { teacherStarts: 0, preemptions: 0, startingSeconds: 0, drainingSeconds: 0 };
  readonly #waitingNeighbors = new Set<Neighbor>();
  readonly #waitingTeachers = new Set<Teacher>();
  #heldByTeachers = 0;
  #promisedSlots = 0;

  constructor(cluster: Cluster<Teacher>, rules: PodRules, follow: Consequences) {
    this.#cluster = cluster;
    this.#rules = rules;
    this.#follow = follow;
  }

  get counts(): Readonly<Counts> {
    return this.#counts;
  }

  /** Slots that no neighbor holds. */
  get idleSlots(): number {
    return this.#cluster.free + this.#heldByTeachers;
  }

  /** Slots that are promised to waiting neighbors. */
  get promisedSlots(): number {
    return this.#promisedSlots;
  }

  neighborArrives(neighbor: Neighbor, nowSeconds: number): void {
    const node = this.#cluster.nodeForNeighbor(neighbor.pod);
    if (node !== null) {
      this.#bindNeighbor(neighbor, node);
      return;
    }
    this.#waitingNeighbors.add(neighbor);
    this.#makeRoom(neighbor, nowSeconds);
  }

  neighborEnds(neighbor: Neighbor, nowSeconds: number): void {
    neighbor.release();
    if (neighbor.node !== null) this.#fill(neighbor.node, nowSeconds, true);
  }

  teacherReady(teacher: Teacher, nowSeconds: number): void {
    if (teacher.phase !== 'Starting') return;
    const { job } = teacher;
    advance(job, nowSeconds);
    this.#counts.startingSeconds += nowSeconds - teacher.phaseSinceSeconds;
    teacher.phase = 'Ready';
    teacher.phaseSinceSeconds = nowSeconds;
    job.starting.delete(teacher);
    job.ready.add(teacher);
    job.rate = rateOf(job);
    this.#follow.jobChanged(job);
  }

  teacherGone(teacher: Teacher, nowSeconds: number): void {
    const { node } = teacher;
    if (node === null) return;
    this.#counts.drainingSeconds += nowSeconds - teacher.phaseSinceSeconds;
    this.#heldByTeachers--;
    node.leaving--;
    this.#cluster.change(node, (held) => held.free++);
    this.#fill(node, nowSeconds, false);
  }

  scale(job: Job, replicas: number, nowSeconds: number): void {
    job.desired = replicas;
    const surplus = job.pending.size + job.starting.size + job.ready.size - replicas;
    for (let missing = -surplus; missing > 0; missing--) this.#create(job, nowSeconds);
    if (surplus <= 0) return;
    leastUseful(job, surplus, this.#rules.leaving).forEach((teacher) => this.#dismiss(teacher, nowSeconds));
  }

  #bindNeighbor(neighbor: Neighbor, node: Node<Teacher>): void {
    this.#waitingNeighbors.delete(neighbor);
    this.#unpromise(neighbor);
    neighbor.node = node;
    neighbor.release = this.#cluster.hold(neighbor.pod, node);
    this.#follow.neighborBound(neighbor);
  }

  #unpromise(neighbor: Neighbor): void {
    const { promised, pod } = neighbor;
    if (promised === null) return;
    neighbor.promised = null;
    this.#promisedSlots -= pod.slots;
    this.#cluster.change(promised, (node) => (node.promised -= pod.slots));
  }

  #makeRoom(neighbor: Neighbor, nowSeconds: number, among?: readonly Node<Teacher>[]): void {
    if (!this.#rules.preemptible || neighbor.promised !== null) return;
    const found = this.#cluster.nodeByPreemption(neighbor.pod, among);
    if (found === null) return;
    neighbor.promised = found.node;
    this.#promisedSlots += neighbor.pod.slots;
    this.#cluster.change(found.node, (node) => (node.promised += neighbor.pod.slots));
    // The scheduler spares the oldest.
    const victims = found.victims === 0 ? [] : [...found.node.teachers.keys()].slice(-found.victims);
    this.#counts.preemptions += victims.length;
    for (const victim of victims) this.#dismiss(victim, nowSeconds);
    for (const { job } of victims) this.#create(job, nowSeconds);
  }

  #bindTeacher(teacher: Teacher, node: Node<Teacher>, nowSeconds: number): void {
    const { job } = teacher;
    job.pending.delete(teacher);
    job.starting.add(teacher);
    teacher.phase = 'Starting';
    teacher.node = node;
    teacher.rate = job.spec.teacherStepsPerSecond * (this.#rules.speeds[node.model] ?? 1);
    teacher.phaseSinceSeconds = nowSeconds;
    this.#counts.teacherStarts++;
    this.#heldByTeachers++;
    this.#cluster.change(node, (held) => held.free--);
    node.teachers.set(teacher, nowSeconds);
    this.#follow.teacherBound(teacher);
    this.#follow.jobChanged(job);
  }

  #create(job: Job, nowSeconds: number): void {
    const times = { phaseSinceSeconds: nowSeconds, createdAtSeconds: nowSeconds };
    const teacher: Teacher = { job, phase: 'Pending', node: null, rate: 0, ...times };
    job.pending.add(teacher);
    const node = this.#cluster.nodeForTeacher(this.#rules.placement);
    if (node === null) this.#waitingTeachers.add(teacher);
    else this.#bindTeacher(teacher, node, nowSeconds);
  }

  /** Sends SIGTERM, or removes a pod that never ran. */
  #dismiss(teacher: Teacher, nowSeconds: number): void {
    const { job, node } = teacher;
    if (node === null) {
      job.pending.delete(teacher);
      this.#waitingTeachers.delete(teacher);
      return;
    }
    advance(job, nowSeconds);
    if (teacher.phase === 'Starting') this.#counts.startingSeconds += nowSeconds - teacher.phaseSinceSeconds;
    job.starting.delete(teacher);
    if (job.ready.delete(teacher)) job.rate = rateOf(job);
    teacher.phase = 'Leaving';
    teacher.phaseSinceSeconds = nowSeconds;
    node.teachers.delete(teacher);
    node.leaving++;
    this.#follow.teacherLeaving(teacher);
    this.#follow.jobChanged(job);
  }

  /**
   * Binds pods to a node that has free slots: first the neighbors that they were promised to, then other waiting pods
   * (pods/T2).
   */
  #fill(node: Node<Teacher>, nowSeconds: number, byNeighbor: boolean): void {
    for (const neighbor of this.#waitingNeighbors) {
      if (neighbor.promised === node) {
        if (node.free >= neighbor.pod.slots) this.#bindNeighbor(neighbor, node);
      } else if (this.#cluster.fits(neighbor.pod, node)) {
        this.#bindNeighbor(neighbor, node);
      } else if (byNeighbor) {
        this.#makeRoom(neighbor, nowSeconds, [node]);
      }
    }
    for (const teacher of this.#waitingTeachers) {
      const open = this.#cluster.nodeForTeacher(this.#rules.placement);
      if (open === null) break;
      this.#waitingTeachers.delete(teacher);
      this.#bindTeacher(teacher, open, nowSeconds);
    }
  }
}

/** Sums all rates each time, so that rounding errors do not accumulate. */
function rateOf({ ready }: Job): number {
  let rate = 0;
  for (const teacher of ready) rate += teacher.rate;
  return rate;
}

/**
 * The teachers to remove first, as a ReplicaSet ranks its pods: pending ones, by deletion cost, those not ready, then the
 * youngest.
 */
function leastUseful({ pending, starting, ready }: Job, count: number, rule: Policy['leaving']): Teacher[] {
  const ranked = [...[...pending].reverse(), ...[...starting].reverse(), ...[...ready].reverse()];
  if (rule === 'BesideNeighbors') ranked.sort((one, other) => besides(other) - besides(one));
  return ranked.slice(0, count);
}

/** Share of slots that neighbors hold on the teacher's node; Infinity for a teacher without a node. */
function besides({ node }: Teacher): number {
  return node === null ? Infinity : node.neighbors / node.slots;
}
