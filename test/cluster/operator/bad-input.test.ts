/**
 * What becomes of a job that is wrong, word for word: golden/bad-input.txt. Each is refused by the API server, refused by
 * the operator in the condition Accepted, or another condition says what it waits for; none waits without a word, and
 * nothing is left behind. After a wanted change run with UPDATE_GOLDEN=1 and read the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { DistillJobStatus, StatusCondition } from '../../../src/api/index.js';
import { type ControlPlane, distillJobCrd, startControlPlane, until } from '../../kit/cluster/index.js';
import { someJob, teacherPriorityClass } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { bend, type Change } from '../../kit/jobs.js';
import {
  clusterRefusals,
  lateChanges,
  refusedPods,
  refusedTemplates,
  unsupportedJobs,
} from '../../kit/malformed-cluster-jobs.js';
import { malformedJobs } from '../../kit/malformed-jobs.js';
import { manyJobs, type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { connectRoot } from '../../kit/stream.js';

const golden = new URL('golden/bad-input.txt', import.meta.url);
/** Every kind that the operator makes for a job, and what grows out of those. */
const kinds = 'deployments,replicasets,jobs,pods,configmaps,secrets,serviceaccounts,networkpolicies';
const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 1 }];

let cluster: ControlPlane;
let nats: OperatorNats;
/** Of all tests, in their order. */
const messages: string[] = [];

beforeAll(async () => {
  [cluster, nats] = await Promise.all([
    startControlPlane({ crds: [distillJobCrd] }),
    startOperatorNats({ limits: manyJobs }),
  ]);
  await cluster.apply(teacherPriorityClass);
  await cluster.addNodes(4, { gpus: 8 });
  const environment = { DISTILLERY_LIMIT_WEIGHT: 'limited=10', DISTILLERY_LIMIT_LOGITS_BYTES: 'limited=1Gi' };
  await startOperator(cluster, { nats, environment });
});
afterAll(async () => {
  await cluster.stop();
  await nats.stop();
});

describe('an invalid job', () => {
  test('is refused', async () => {
    const cases = [...objects, ...unsupportedJobs, ...refusedTemplates, ...clusterRefusals];
    await tellAll('refused', cases, async (name, changes) => {
      const object = bend(someJob({ name, pools }), ...changes);
      return (await refusalOfApply(object)) ?? by('the operator', [await condition(name, isRefused)]);
    });
  });

  test('has no pod, and holds no slot', async () => {
    await until('what was made before a part was refused to be gone', async () => {
      return (await namesOf('deployments,replicasets,jobs,pods')).length === 0;
    });
  });

  test('reports why in its status and Events, and reports no teachers before it is accepted', async () => {
    const name = 'unsaid';
    const [, ...changes] = clusterRefusals[0] ?? [''];
    await cluster.apply(bend(someJob({ name, pools }), ...changes) as object);
    await condition(name, isRefused);
    const job = ['distilljob', name];
    expect(await cluster.kubectlOk(['get', ...job])).toMatch(/PHASE +REASON .*\n.* Pending +RefusedByCluster /);
    expect(await cluster.kubectlOk(['get', ...job, '-o', 'wide'])).toMatch(/MESSAGE .*\n.*The API server refuses what/);
    await until('its event', async () => (await eventsOf(name)).length > 0);
    expect(await eventsOf(name)).toEqual(['Refused']);
    const [, status = ''] = (await cluster.kubectlOk(['describe', ...job])).split('\nStatus:');
    expect(status).toContain('The API server refuses what the job asks for');
    expect(status).not.toMatch(/Finished|Desired|Pools|Scaled/);
  });

  test('is refused or reduced only by the limits of its namespace', async () => {
    await cluster.apply(namespace('limited'));
    const heavy = someJob({ name: 'heavy', namespace: 'limited', pools, spec: { weight: 500, suspend: true } });
    const large = { logits: { maxBytes: '2Gi' }, suspend: true };
    await cluster.apply(heavy, someJob({ name: 'large', namespace: 'limited', pools, spec: large }));
    await cluster.apply(someJob({ name: 'large', pools, spec: large }));
    const accepted = ({ type }: StatusCondition): boolean => type === 'Accepted';
    const { status, message } = await condition('heavy', accepted, 'limited');
    expect(`${status}: ${message}`).toMatch(/^True: .* spec\.weight: 500 counts as 10\.$/);
    await until('its events', async () => (await eventsOf('heavy', 'limited')).includes('Limited'));
    expect(await condition('large', accepted, 'limited')).toMatchObject({ status: 'False', reason: 'OverLimit' });
    expect(await condition('large', accepted)).toMatchObject({ status: 'True' });
  });

  test('is accepted after a correction', async () => {
    const name = 'mended';
    const [, ...changes] = clusterRefusals[0] ?? [''];
    await cluster.apply(bend(someJob({ name, pools }), ...changes) as object);
    await condition(name, isRefused);
    await cluster.apply(someJob({ name, pools }));
    await condition(name, ({ type, status }) => type === 'Accepted' && status === 'True');
    await until('its pods', async () => (await namesOf('pods', 'default')).length === 2);
  });

  test('may not become invalid later', async () => {
    await tellAll('changed while it runs', lateChanges, async (name, changes) => {
      const spec = { suspend: true };
      expect(await refusalOfApply(someJob({ name, pools, spec }))).toBeNull();
      return refusalOfApply(bend(someJob({ name, pools, spec }), ...changes));
    });
  });

  test('leaves nothing behind when it is deleted', leavesNothing);
});

describe('a job whose pods cannot be created', () => {
  test('reports why it waits', async () => {
    await tellAll('pods that cannot be', refusedPods, async (name, changes) => {
      await cluster.apply(bend(someJob({ name, pools }), ...changes) as object);
      const part = changes.some(([path]) => path.startsWith('spec.teacher')) ? 'TeachersAvailable' : 'StudentRunning';
      return by('the operator', [await condition(name, (found) => found.type === part && saysWhatIsWrong(found))]);
    });
  });

  test('reports a quota that has no room for its pods', async () => {
    await cluster.apply(namespace('full'), quota('full', { pods: '0' }));
    await cluster.apply(someJob({ name: 'job', namespace: 'full', pools }));
    const words = await Promise.all(
      ['TeachersAvailable', 'StudentRunning'].map((wanted) =>
        condition('job', (found) => found.type === wanted && saysWhatIsWrong(found), 'full'),
      ),
    );
    tell('pods beyond a quota', by('the operator', words));
  });

  test('leaves nothing behind when it is deleted', leavesNothing);
});

describe('a blocked job', () => {
  const isBlocked = ({ type, reason }: StatusCondition): boolean => type === 'Progressing' && reason === 'Blocked';

  test('reports a quota on its objects, and continues when it is gone', async () => {
    await cluster.apply(namespace('small'), quota('small', { 'count/deployments.apps': '0' }));
    await cluster.apply(someJob({ name: 'job', namespace: 'small', pools }));
    tell('objects beyond a quota', by('the operator', [await condition('job', isBlocked, 'small')]));
    expect(await cluster.kubectlOk(['describe', 'distilljob', 'job', '-n', 'small'])).toContain('Blocked');
    await cluster.kubectlOk(['delete', 'resourcequota', 'quota', '-n', 'small']);
    await condition('job', ({ type, status }) => type === 'Progressing' && status === 'True', 'small');
    await until('its pods', async () => (await namesOf('pods', 'small')).length === 2);
  });

  test('reports a store that has no room for its streams', async () => {
    await cluster.apply(someJob({ name: 'huge', pools, spec: { logits: { maxBytes: '900Ti' } } }));
    tell('more bytes than the store of NATS has', by('the operator', [await condition('huge', isBlocked)]));
  });

  test('reports a webhook that does not answer', async () => {
    await cluster.apply(namespace('hooked'), deadWebhook('hooked'));
    await cluster.apply(someJob({ name: 'job', namespace: 'hooked', pools }));
    tell('a webhook that does not answer', by('the operator', [await condition('job', isBlocked, 'hooked')]));
    await cluster.kubectlOk(['delete', 'validatingwebhookconfiguration', 'hooked']);
  });

  test('reports a name that another object has taken, and continues when it is free', async () => {
    const taken = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'taken-distill', namespace: 'default' },
    };
    await cluster.apply(taken);
    await cluster.apply(someJob({ name: 'taken', pools }));
    tell('a name that is taken', by('the operator', [await condition('taken', isBlocked)]));
    await cluster.kubectlOk(['delete', 'serviceaccount', 'taken-distill']);
    await condition('taken', ({ type, status }) => type === 'Progressing' && status === 'True');
  });

  test('reports objects of a deleted owner, and continues when they are removed', async () => {
    const ownerReferences = [await anOwner()];
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'again-distill', namespace: 'default', ownerReferences },
    });
    await cluster.apply(someJob({ name: 'again', pools }));
    tell('what is left of a job of the same name', by('the operator', [await condition('again', isBlocked)]));
    await cluster.kubectlOk(['delete', 'serviceaccount', 'again-distill']);
    await condition('again', ({ type, status }) => type === 'Progressing' && status === 'True');
  });

  test('leaves nothing behind when it is deleted', leavesNothing);
});

test('the messages are these', () => {
  const text = messages.join('\n');
  if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

type Case = readonly [title: string, ...changes: Change[]];

/** Cases that are objects: texts that are none never reach an API server. */
const objects = malformedJobs.flatMap(([title, ...rest]): Case[] => {
  const changes = rest.filter((change): change is Change => typeof change !== 'string');
  return changes.length === rest.length ? [[title, ...changes]] : [];
});

/** Several at once, printed in their order. */
async function tellAll(
  what: string,
  cases: readonly Case[],
  outcome: (name: string, changes: readonly Change[]) => Promise<string | null>,
): Promise<void> {
  const outcomes: (string | null)[] = [];
  const next = cases.entries();
  const atOnce = 6;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [index, [, ...changes]] of next) {
        outcomes[index] = await outcome(`bad-${String(index)}`, changes);
      }
    }),
  );
  cases.forEach(([title], index) => tell(`${what}: ${title}`, outcomes[index] ?? null));
  expect(cases.filter((_, index) => outcomes[index] === null).map(([title]) => title)).toEqual([]);
}

function tell(title: string, outcome: string | null): void {
  messages.push(`# ${title}\n${outcome ?? 'taken without a word'}\n`);
}

function by(who: string, conditions: readonly StatusCondition[]): string {
  return conditions.map(({ type, reason, message }) => `${who}: ${type} ${reason}: ${normal(message)}`).join('\n');
}

/** As a person would apply it. @returns null when it is taken */
async function refusalOfApply(object: unknown): Promise<string | null> {
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
  return code === 0 ? null : `the API server: ${normal(inOrder(stderr.trim()))}`;
}

/**
 * The API server walks over a map: what it says of several fields comes in any order, and what it could not check at all
 * depends on where it began.
 */
function inOrder(text: string): string {
  const isOfField = (line: string): boolean => line.startsWith('* ');
  const lines = text.split('\n').filter((line) => !line.startsWith('* <nil>: '));
  return [...lines.filter((line) => !isOfField(line)), ...lines.filter(isOfField).sort()].join('\n');
}

/** Waits for a condition that the operator says of the generation that stands. */
async function condition(
  name: string,
  isIt: (condition: StatusCondition) => boolean,
  namespace = 'default',
): Promise<StatusCondition> {
  let found: readonly StatusCondition[] = [];
  await until(
    `the condition of ${namespace}/${name}`,
    async () => {
      const { metadata, status } = await cluster.api.get<{
        metadata: { generation: number };
        status?: DistillJobStatus;
      }>(`/apis/distillery.dev/v1alpha1/namespaces/${namespace}/distilljobs/${name}`);
      found = (status?.conditions ?? []).filter(({ observedGeneration }) => observedGeneration === metadata.generation);
      return found.some(isIt);
    },
    () => JSON.stringify(found, null, 2),
  );
  return found.find(isIt)!;
}

function isRefused({ type, status }: StatusCondition): boolean {
  return type === 'Accepted' && status === 'False';
}

function saysWhatIsWrong({ reason }: StatusCondition): boolean {
  return ['TeachersFailing', 'NoFreeSlots', 'CannotStart'].includes(reason);
}

/** Without what differs from run to run, and without the scheduler's own words, which depend on the moment. */
function normal(text: string): string {
  return (
    text
      .replaceAll(/bad-\d+/g, 'NAME')
      .replaceAll(/(NAME|job)-teacher-gpu-[0-9a-z]+(-[0-9a-z]{5}|-)/g, 'POD')
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
      // Other jobs' streams, and those of this job that were made first.
      .replace(/it has reserved [\d.]+ \w+/, 'it has reserved BYTES')
      .replace(/no node takes it: .*/, 'no node takes it: …')
  );
}

async function eventsOf(job: string, namespace = 'default'): Promise<string[]> {
  const reason = 'jsonpath={range .items[*]}{.reason}{"\\n"}{end}';
  const ofJob = ['--field-selector', `involvedObject.name=${job}`, '-n', namespace];
  const found = await cluster.kubectlOk(['get', 'events', ...ofJob, '-o', reason]);
  return found.split('\n').filter((line) => line !== '');
}

async function leavesNothing(): Promise<void> {
  await cluster.kubectlOk(['delete', 'distilljobs', '--all', '--all-namespaces', '--timeout=90s']);
  await until('every object to be gone', async () => (await namesOf(kinds)).length === 0);
  expect(await streamNames()).toEqual([]);
}

async function namesOf(kinds: string, namespace = ''): Promise<string[]> {
  const where = namespace === '' ? ['-A'] : ['-n', namespace];
  const found = await cluster.kubectlOk(['get', kinds, ...where, '-l', 'distillery.dev/job-uid', '-o', 'name']);
  return found.split('\n').filter((line) => line !== '');
}

async function streamNames(): Promise<string[]> {
  const { connection, manager } = await connectRoot(nats);
  try {
    const names: string[] = [];
    for await (const name of manager.streams.names()) names.push(name);
    return names;
  } finally {
    await connection.close();
  }
}

function namespace(name: string): object {
  // Nothing that a worker is allowed to be leaves the restricted standard.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function quota(namespace: string, hard: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota', namespace }, spec: { hard } };
}

/** Asked about every batch Job of the namespace, at a port without a listener. */
function deadWebhook(namespace: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespace },
    webhooks: [
      {
        name: 'jobs.example.com',
        clientConfig: { url: 'https://127.0.0.1:9/' },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }],
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
      },
    ],
  };
}

/** Some object that stays, as the controller of another. */
async function anOwner(): Promise<object> {
  const { metadata } = await cluster.api.get<{ metadata: { name: string; uid: string } }>(
    '/api/v1/namespaces/default/serviceaccounts/default',
  );
  return { apiVersion: 'v1', kind: 'ServiceAccount', ...pick(metadata), controller: true };
}

function pick({ name, uid }: { readonly name: string; readonly uid: string }): object {
  return { name, uid };
}
