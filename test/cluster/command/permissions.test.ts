/**
 * The Roles of docs/command.md on a real API server: each command works with its Role, and names the right when a rule is taken
 * away.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { labels } from '../../../src/api/index.js';
import { exitCodes } from '../../../src/cli/shared/exit.js';
import { type ControlPlane, startControlPlane } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { distillJobCrd } from '../../kit/cluster/paths.js';
import { until } from '../../kit/until.js';
import { distillProgram } from '../../kit/programs.js';

const root = join(import.meta.dirname, '../../..');
const namespace = 'team-a';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
interface RoleExample {
  readonly kind: 'Role' | 'ClusterRole';
  readonly metadata: { readonly name: string };
  readonly rules: readonly Rule[];
}

const page = readFileSync(join(root, 'docs/command.md'), 'utf8');
const roles = Array.from(page.matchAll(/^```yaml\n(.*?)^```$/gms), ([, text = '']) => parse(text) as RoleExample);
const roleNamed = (name: string): RoleExample => roles.find(({ metadata }) => metadata.name === name)!;

const folder = mkdtempSync(join(tmpdir(), 'distill-permissions-'));
let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane({ crds: [distillJobCrd] });
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await cluster.addNodes(1, { gpus: 8 });
  for (const name of ['mnist', 'over']) await cluster.apply(someJob({ name, namespace }));
  const path = `/apis/distillery.dev/v1alpha1/namespaces/${namespace}/distilljobs`;
  const { metadata } = await cluster.api.get<{ metadata: { uid: string } }>(`${path}/mnist`);
  const complete = {
    type: 'Complete',
    status: 'True',
    reason: 'Trained',
    message: 'The student is trained.',
    lastTransitionTime: '2026-01-02T03:04:05Z',
  };
  await cluster.api.patch(`${path}/over/status`, {
    status: { phase: 'Succeeded', conditions: [complete], result: { digest: 'sha256:0' } },
  });
  const ofJob = {
    [labels.managedBy]: 'distillery',
    [labels.name]: 'distillery',
    [labels.component]: 'student',
    [labels.job]: 'mnist',
    [labels.jobUid]: metadata.uid,
  };
  const worker = { containers: [{ name: 'worker', image: 'x' }], automountServiceAccountToken: false };
  await cluster.apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'mnist-student', namespace, labels: ofJob },
    spec: { template: { metadata: { labels: ofJob }, spec: { ...worker, restartPolicy: 'Never' } } },
  });
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  await until('a student on a node', async () => {
    const { items } = await cluster.api.get<{ items: { spec: { nodeName?: string } }[] }>(pods);
    return items.some(({ spec }) => spec.nodeName !== undefined);
  });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly text: string;
}

let accounts = 0;

/** A new account with a copy of these roles in the namespace, or in the cluster. @returns its kubeconfig */
async function accountWith(given: readonly RoleExample[]): Promise<string> {
  accounts += 1;
  const name = `person-${String(accounts)}`;
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
  for (const [at, { kind, rules }] of given.entries()) {
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const metadata = { name: `${name}-${String(at)}`, ...(kind === 'Role' ? { namespace } : {}) };
    await cluster.apply({ apiVersion, kind, metadata, rules });
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name };
    await cluster.apply({ apiVersion, kind: `${kind}Binding`, metadata, roleRef, subjects });
  }
  return cluster.serviceAccountKubeconfig(namespace, name);
}

async function distill(kubeconfig: string, args: readonly string[]): Promise<Ran> {
  const inNamespace = args[0] === 'plan' || args.includes('-A') ? [] : ['-n', namespace];
  const all = [distillProgram, ...args, ...inNamespace, '--kubeconfig', kubeconfig];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, all, { cwd: folder });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as {
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    };
    return { code, text: stdout + stderr };
  }
}

/** A role change takes a moment to be in force. */
async function ranUntil(kubeconfig: string, args: readonly string[], holds: (ran: Ran) => boolean): Promise<void> {
  let last: Ran = { code: -1, text: '' };
  await until(
    `distill ${args.join(' ')} to end as it should`,
    async () => {
      rmSync(join(folder, 'support.tar.gz'), { force: true });
      last = await distill(kubeconfig, args);
      return holds(last);
    },
    () => `it ended with ${String(last.code)}: ${last.text}`,
  );
}

interface Case {
  readonly args: readonly string[];
  readonly roles: readonly string[];
  /** What it needs, as resource/verb of the roles; without it the command ends with 69. */
  readonly needs: readonly string[];
  /** Without it the command does the rest, and names it. */
  readonly optional?: readonly string[];
  /** How it ends with all rights. */
  readonly works: (ran: Ran) => boolean;
}

const done = ({ code, text }: Ran): boolean => code === 0 && !text.includes('forbidden');
const cases: readonly Case[] = [
  {
    args: ['status', 'mnist'],
    roles: ['distill-viewer'],
    needs: ['distilljobs/get'],
    optional: ['pods/list', 'events/list'],
    works: done,
  },
  {
    args: ['top'],
    roles: ['distill-viewer'],
    needs: ['distilljobs/list', 'pods/list'],
    works: ({ code, text }) => code === 0 && /^team-a\/mnist +gpu/m.test(text),
  },
  {
    args: ['top', '-A'],
    roles: ['distill-planner'],
    needs: ['distilljobs/list', 'pods/list'],
    optional: ['nodes/list'],
    works: done,
  },
  { args: ['plan'], roles: ['distill-planner'], needs: ['distilljobs/list', 'pods/list', 'nodes/list'], works: done },
  {
    args: ['logs', 'mnist'],
    roles: ['distill-viewer'],
    needs: ['distilljobs/get', 'pods/list', 'pods/log/get'],
    // No kubelet answers behind kwok; the API server has let the request through to it.
    works: ({ text }) => !text.includes('forbidden') && !text.includes('no process'),
  },
  { args: ['events', 'mnist'], roles: ['distill-viewer'], needs: ['distilljobs/get', 'events/list'], works: done },
  {
    args: ['suspend', 'mnist'],
    roles: ['distill-editor'],
    needs: ['distilljobs/get', 'distilljobs/patch'],
    works: done,
  },
  {
    args: ['resume', 'mnist'],
    roles: ['distill-editor'],
    needs: ['distilljobs/get', 'distilljobs/patch'],
    works: done,
  },
  {
    args: ['scale', 'mnist', '--max', '7'],
    roles: ['distill-editor'],
    needs: ['distilljobs/get', 'distilljobs/patch'],
    works: done,
  },
  {
    args: ['fetch', 'over'],
    roles: ['distill-editor'],
    needs: ['distilljobs/get', 'secrets/get'],
    works: ({ text }) => text.includes('there is no such Secret'),
  },
  {
    args: ['report', 'mnist'],
    roles: ['distill-viewer', 'distill-editor'],
    needs: ['distilljobs/get'],
    optional: ['events/list', 'secrets/get'],
    works: done,
  },
  {
    args: ['support', 'mnist', '-o', 'support.tar.gz', '--operator-namespace', namespace],
    roles: ['distill-support'],
    needs: ['distilljobs/get'],
    optional: [
      'pods/list',
      'deployments/list',
      'jobs/list',
      'networkpolicies/list',
      'configmaps/list',
      'events/list',
      'pods/log/get',
    ],
    works: ({ code }) => code === 0 && existsSync(join(folder, 'support.tar.gz')),
  },
];

/** The roles without one verb of one resource. */
function without(right: string, given: readonly RoleExample[]): RoleExample[] {
  const verb = right.slice(right.lastIndexOf('/') + 1);
  const resource = right.slice(0, right.lastIndexOf('/'));
  return given.map((role) => ({
    ...role,
    rules: role.rules
      .flatMap((rule) => rule.resources.map((one) => ({ ...rule, resources: [one] })))
      .map((rule) =>
        rule.resources[0] === resource ? { ...rule, verbs: rule.verbs.filter((other) => other !== verb) } : rule,
      )
      .filter(({ verbs }) => verbs.length > 0),
  }));
}

test('the page has the roles', () => {
  expect(roles.map(({ metadata }) => metadata.name)).toEqual([
    'distill-viewer',
    'distill-editor',
    'distill-support',
    'distill-planner',
  ]);
});

describe.each(cases.map((one) => [one.args.join(' '), one] as const))('distill %s', (_, one) => {
  const { args, needs, optional = [], works } = one;
  const given = one.roles.map(roleNamed);

  test('works with its role', async () => {
    // So that the command has something to change.
    if (args[0] === 'resume') await patched({ suspend: true });
    if (args[0] === 'suspend') await patched({ suspend: false });
    await ranUntil(await accountWith(given), args, works);
  });

  test.each(needs)('names the right %s when it is missing', async (right) => {
    if (args[0] === 'resume' || args[0] === 'suspend') await patched({ suspend: args[0] === 'resume' });
    const kubeconfig = await accountWith(without(right, given));
    await ranUntil(kubeconfig, args, ({ code, text }) => code === exitCodes.unavailable && isAbout(right, text));
  });

  if (optional.length > 0) {
    test.each(optional)('does the rest without %s, and names it', async (right) => {
      const kubeconfig = await accountWith(without(right, given));
      await ranUntil(kubeconfig, args, ({ code, text }) => code === 0 && isAbout(right, text));
    });
  }
});

/** The API server's sentence: `cannot list resource "pods" in API group ""`, and no other right is missing. */
function isAbout(right: string, text: string): boolean {
  const verb = right.slice(right.lastIndexOf('/') + 1);
  const resource = right.slice(0, right.lastIndexOf('/'));
  return text.includes(`cannot ${verb} resource "${resource}"`);
}

async function patched(spec: object): Promise<void> {
  await cluster.api.patch(`/apis/distillery.dev/v1alpha1/namespaces/${namespace}/distilljobs/mnist`, { spec });
}
