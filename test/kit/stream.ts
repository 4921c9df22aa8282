/** Makers for the stream tests: connected workers, provisioned jobs, valid frames and telemetry. */
import {
  encodeFrame,
  type JobNames,
  jobNames,
  type NatsAccess,
  type StudentState,
  type TeacherState,
  type WorkerRole,
  type WorkItem,
} from '@distillery/protocol';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';

import { connectStreams, jobStreams, type JobStreamOptions, type StreamAdmin } from '../../src/stream/index.js';
import type { WorkerLogin } from '../../workers/base/login.js';
import { connectWorker, objectPort, ObjectStore, ObjectWriter, type StreamLink } from '../../workers/stream/index.js';

import type { TestLogin, TestNats } from './nats.js';
import { patienceMs } from './patience.js';

export const systemClock = {
  now: (): number => performance.now(),
  sleep: async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), ms);
    const abort = (): void => resolve(undefined);
    signal?.addEventListener('abort', abort, { once: true });
    await promise;
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  },
};

export const quietLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export async function connectAdmin(nats: TestNats): Promise<StreamAdmin> {
  return connectStreams({ url: nats.url, ...nats.operator, waitMs: 5_000 });
}

export async function connectAs(nats: TestNats, role: WorkerRole, uid: string): Promise<StreamLink> {
  const login = nats.userFor(role, uid);
  const { inboxPrefix } = login;
  const fast = { waitMs: 5_000, clock: systemClock, log: quietLog };
  return connectWorker({ url: nats.url, login: workerLogin(login), inboxPrefix, name: `${role}-test`, ...fast });
}

export function workerLogin(login: TestLogin): WorkerLogin {
  if ('creds' in login) return { kind: 'creds', read: () => login.creds };
  return { kind: 'password', user: login.user, password: login.password };
}

export function accessOf({ url }: TestNats, login: TestLogin): NatsAccess {
  if ('creds' in login) return { kind: 'creds', url, creds: login.creds };
  return { kind: 'password', url, user: login.user, password: login.password };
}

/** A plain client of the library, without our code. */
export async function connectPlain(nats: TestNats, login: TestLogin, timeout = patienceMs): Promise<NatsConnection> {
  const { inboxPrefix } = login;
  const proof =
    'creds' in login
      ? { authenticator: credsAuthenticator(new TextEncoder().encode(login.creds)) }
      : { user: login.user, pass: login.password };
  return connect({ servers: nats.url, inboxPrefix, reconnectTimeWait: 100, timeout, ...proof });
}

/** A user with all rights, to inspect the server's state and to break things. */
export async function connectRoot(nats: TestNats): Promise<{ connection: NatsConnection; manager: JetStreamManager }> {
  const connection = await connectPlain(nats, nats.root);
  return { connection, manager: await jetstreamManager(connection, { checkAPI: false }) };
}

/** A job's object store as its student opens it, with a valid fence. */
export interface StudentObjects {
  put(name: string, data: Uint8Array, fence?: () => Promise<void>): Promise<void>;
  get(name: string): Promise<Uint8Array | null>;
  list(): Promise<{ readonly name: string; readonly bytes: number }[]>;
  delete(name: string): Promise<void>;
  sweep(): Promise<void>;
}

export function storeOf(link: StreamLink, { objectBucket, bucketStreams }: JobNames): ObjectStore {
  return new ObjectStore(objectPort(link, bucketStreams.objects), objectBucket);
}

export function objectsOf(link: StreamLink, names: JobNames, attempt = 1): StudentObjects {
  const store = storeOf(link, names);
  const writer = new ObjectWriter(store, attempt);
  return {
    put: (name, data, fence = () => Promise.resolve()) => writer.put(name, data, fence),
    get: (name) => store.get(name),
    list: () => store.list(),
    delete: (name) => writer.delete(name),
    sweep: () => writer.sweep(),
  };
}

export function streamsOf(uid: string, changes: Partial<JobStreamOptions> = {}): ReturnType<typeof jobStreams> {
  const MiB = 1024 * 1024;
  return jobStreams({
    names: jobNames(uid),
    maxBytes: 64 * MiB,
    storage: 'File',
    replicas: 1,
    windowBound: 1_024,
    objectBytes: 64 * MiB,
    ...changes,
  });
}

export function workItem(step: number, shard = 0): Omit<WorkItem, 'version'> {
  return { step, shard, firstRow: 0, indices: [step, step + 1], augmentSeed: step + 1_000 };
}

export function frameOf(step: number, changes: { readonly digest?: string; readonly seed?: number } = {}): Uint8Array {
  return encodeFrame({
    encoding: 'Float32',
    topK: 0,
    temperature: 0,
    step,
    shard: 0,
    rows: 2,
    columns: 3,
    teacherDigest: changes.digest ?? '0123456789abcdef',
    augmentSeed: changes.seed ?? step + 1_000,
    logits: Float32Array.of(step, 1, 2, 3, 4, 5),
  });
}

export function studentState(changes: Partial<StudentState> = {}): StudentState {
  return {
    attempt: 1,
    pod: 'student-1',
    phase: 'Training',
    runtime: 'wasm',
    step: 0,
    steps: 10,
    epoch: 0,
    batchSize: 2,
    samplesPerSecond: 1,
    unstarvedSamplesPerSecond: 1,
    waitFraction: 0,
    loss: null,
    accuracy: null,
    buffer: { frames: 0, bytes: 0 },
    window: 4,
    fedSteps: 0,
    shards: 1,
    firstNeededSequence: 0,
    resumedFromStep: null,
    damaged: [],
    result: null,
    updatedAtMs: 1,
    ...changes,
  };
}

export function teacherState(pod: string, changes: Partial<TeacherState> = {}): TeacherState {
  return {
    pod,
    pool: 'cpu',
    phase: 'Ready',
    runtime: 'onnx',
    samplesPerSecond: 1,
    capableSamplesPerSecond: 1,
    busyFraction: 0.5,
    items: 0,
    duplicates: 0,
    failures: 0,
    accuracy: null,
    updatedAtMs: 1,
    ...changes,
  };
}
