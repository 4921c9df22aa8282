/**
 * Subjects, streams and consumers of one job (design §4). Every name in NATS comes from here.
 * `uid` is the job's Kubernetes uid (or the one a local run made): letters, digits and dashes.
 */
import { DistilleryError } from '@distillery/base';

/** What is wrong with a name that came from outside. */
export class NameError extends DistilleryError {
  override readonly name = 'NameError';
  readonly kind = 'Name';
  readonly retry = 'Never';
}

/** Prefix of the results in a job's object store; checkpoints lie beside them. */
export const resultPrefix = 'result/';

/**
 * Rank of the student process that owns the checkpoint and the fence. Its names have no number. A job has this rank alone
 * today.
 */
export const firstRank = 0;

/** Ranks of a job's student processes. */
export const studentRanks: readonly number[] = [firstRank];

const uidPattern = /^[A-Za-z0-9-]{1,63}$/;
/** A pod's name is a KV key of one token. */
const podPattern = /^[A-Za-z0-9_-]{1,253}$/;

export interface JobNames {
  readonly uid: string;
  readonly streams: { readonly work: string; readonly logits: string; readonly dead: string };
  /** Key-value bucket with the student's telemetry, its fencing number, the reference answers and the job's history: three keys. */
  readonly stateBucket: string;
  /** Key-value bucket with the teachers' telemetry: one key per teacher, named as its pod; values expire. */
  readonly teacherBucket: string;
  /** Object store for checkpoints and results. */
  readonly objectBucket: string;
  /** The streams behind the buckets, by a naming convention of all NATS clients. */
  readonly bucketStreams: { readonly state: string; readonly teachers: string; readonly objects: string };
  readonly consumers: {
    readonly teachers: string;
    /** Consumer through which the student of this rank reads LOGITS. */
    readonly student: (rank: number) => string;
  };
  readonly subjects: {
    readonly work: (shard: number, step: number) => string;
    readonly logits: (shard: number, step: number) => string;
    readonly dead: (shard: number, step: number) => string;
    readonly allWork: string;
    readonly allLogits: string;
    readonly allDead: string;
    /** A value of `stateBucket` by its key, and all of them. */
    readonly state: (key: string) => string;
    readonly allState: string;
    /** The value of a teacher in `teacherBucket`. @throws NameError when the name cannot be a key */
    readonly teacher: (name: string) => string;
    readonly allTeachers: string;
    /** Where the server announces every value stored in either bucket, without its data. */
    readonly stateChanges: string;
    readonly teacherChanges: string;
  };
  /** Prefix of every reply subject of one role, so that no worker can read another's replies. */
  readonly inboxPrefix: (role: string) => string;
  readonly stateKeys: {
    /** Key with the telemetry of the student of this rank; that of `firstRank` holds the fencing number. */
    readonly student: (rank: number) => string;
    readonly reference: string;
    /** `historyKey`. */
    readonly history: string;
  };
  /** Key of a teacher in `teacherBucket`. @throws NameError when the name cannot be a key */
  readonly teacherKey: (name: string) => string;
}

/** Whether telemetry can be stored under the name of this pod. */
export function fitsTeacherKey(name: string): boolean {
  return podPattern.test(name);
}

/** @throws NameError when `uid` could not stand in a subject. */
export function jobNames(uid: string): JobNames {
  if (!uidPattern.test(uid)) {
    throw new NameError({
      about: 'job uid',
      found: JSON.stringify(uid),
      expected: '1 to 63 letters, digits or dashes',
      remedy: '',
    });
  }
  const root = `distill.${uid}`;
  const stateBucket = `DISTILL_${uid}_STATE`;
  const teacherBucket = `DISTILL_${uid}_TEACHERS`;
  const objectBucket = `DISTILL_${uid}_CKPT`;
  return {
    uid,
    streams: { work: `DISTILL_${uid}_WORK`, logits: `DISTILL_${uid}_LOGITS`, dead: `DISTILL_${uid}_DEAD` },
    stateBucket,
    teacherBucket,
    objectBucket,
    bucketStreams: { state: `KV_${stateBucket}`, teachers: `KV_${teacherBucket}`, objects: `OBJ_${objectBucket}` },
    consumers: { teachers: 'teachers', student: studentName },
    subjects: {
      work: (shard, step) => `${root}.work.${String(shard)}.${String(step)}`,
      logits: (shard, step) => `${root}.logits.${String(shard)}.${String(step)}`,
      dead: (shard, step) => `${root}.dead.${String(shard)}.${String(step)}`,
      allWork: `${root}.work.>`,
      allLogits: `${root}.logits.>`,
      allDead: `${root}.dead.>`,
      state: (key) => `$KV.${stateBucket}.${key}`,
      allState: `$KV.${stateBucket}.>`,
      teacher: (name) => `$KV.${teacherBucket}.${teacherKey(name)}`,
      allTeachers: `$KV.${teacherBucket}.*`,
      stateChanges: `${root}.state.>`,
      teacherChanges: `${root}.state.teacher.>`,
    },
    inboxPrefix: (role) => `_INBOX_${uid}_${role}`,
    stateKeys: { student: studentName, reference: 'reference', history: historyKey },
    teacherKey,
  };
}

/** Key of `stateBucket` with what a job was like over time. Only the operator writes it. */
export const historyKey = 'history';

/** That key of all jobs: NATS has no wildcard inside a token. */
export const anyHistory = `$KV.*.${historyKey}`;

/** `stateChanges` of all jobs. */
export const anyStateChange = 'distill.*.state.>';

function studentName(rank: number): string {
  return rank === firstRank ? 'student' : `student-${String(rank)}`;
}

/** @throws NameError */
function teacherKey(name: string): string {
  if (fitsTeacherKey(name)) return name;
  throw new NameError({
    about: 'teacher name',
    found: JSON.stringify(name),
    expected: 'letters, digits, dashes or underscores',
    remedy: '',
  });
}
