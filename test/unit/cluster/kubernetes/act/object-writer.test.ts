/** How the objects of a job are written: a missing object is created, one of ours is applied to its uid, any other stays. */
import { describe, expect, test } from '@jest/globals';

import { ApiError, type StoredObject } from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../../../src/cluster/kubernetes/api/index.js';
import {
  deploymentView,
  type OwnedView,
  ownedView,
  type RawDeployment,
} from '../../../../../src/cluster/kubernetes/cache/views.js';
import { NameTakenError, RefusalError } from '../../../../../src/cluster/kubernetes/act/refusal.js';
import { ObjectWriter } from '../../../../../src/cluster/kubernetes/act/object-writer.js';
import { isBlocking } from '../../../../../src/controller/ports.js';
import { rawDeployment } from '../../../../kit/kubernetes-objects.js';

const job = { namespace: 'default', name: 'mnist', uid: 'u-1' };
const owner = (name: string, uid: string) =>
  ({
    apiVersion: 'distillery.dev/v1alpha1',
    kind: 'DistillJob',
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  }) as const;
const object = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'mnist-teacher-cpu', namespace: 'default', ownerReferences: [owner('mnist', 'u-1')] },
};
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mnist-distill-u-1', namespace: 'default' } };

type Client = ConstructorParameters<typeof ObjectWriter>[0];

/** An API server with one place for an object. */
function server(there: StoredObject | null, failures: Partial<Record<keyof Client, ApiErrorReason>> = {}) {
  const said: unknown[][] = [];
  const answer = (verb: keyof Client, ...args: unknown[]): Promise<StoredObject> => {
    said.push([verb, ...args]);
    const kind = verb === 'create' && there !== null ? 'alreadyExists' : failures[verb];
    if (kind !== undefined)
      return Promise.reject(
        new ApiError(kind, { doing: verb, fault: { about: '', problem: `no ${verb}`, remedy: '' } }),
      );
    return Promise.resolve(there ?? stored());
  };
  const client: Client = {
    create: (given) => answer('create', given.metadata.name),
    apply: (given) => answer('apply', given.metadata.uid),
    replace: (given) => answer('replace', given.metadata.name),
    patch: (_kind, _namespace, _name, patch) => answer('patch', patch),
    list: (_kind, options) => {
      said.push(['list', options?.namespace, options?.name]);
      return Promise.resolve({ items: there === null ? [] : [there], resourceVersion: '1', continueToken: null });
    },
  };
  return { said, writer: new ObjectWriter(client) };
}

function stored(changes: (raw: RawDeployment) => object = (raw) => raw, facts = {}): StoredObject {
  const raw = rawDeployment('cpu', facts);
  return { apiVersion: 'apps/v1', kind: 'Deployment', ...raw, ...changes(raw) };
}
const owners = (ownerReferences: object[], more: object = {}): StoredObject =>
  stored(({ metadata }) => ({ metadata: { ...metadata, ownerReferences, ...more } }));
const viewOf = (one: StoredObject): OwnedView => deploymentView(one as unknown as RawDeployment);

async function refusal(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof Error)) throw new Error('nothing was refused');
  return error;
}

describe('an object of which nothing is known', () => {
  test('is created', async () => {
    const { said, writer } = server(null);
    await writer.write(job, object, null);
    expect(said).toEqual([['create', 'mnist-teacher-cpu']]);
  });

  test('and that exists and is ours is applied to its uid: the watch lags', async () => {
    const { said, writer } = server(stored());
    await writer.write(job, object, null);
    expect(said).toEqual([
      ['create', 'mnist-teacher-cpu'],
      ['list', 'default', 'mnist-teacher-cpu'],
      ['apply', 'uid-mnist-teacher-cpu'],
    ]);
  });

  test.each<[string, StoredObject, string]>([
    ['no job', owners([]), ' (it has no owner). Delete it if nothing needs it, or give this job another name.'],
    [
      'another job',
      owners([owner('other', 'u-2')]),
      ' (it belongs to DistillJob "other"). Delete it if nothing needs it, or give this job another name.',
    ],
    [
      'an earlier job of this name',
      owners([owner('mnist', 'u-0')]),
      ' (it belongs to an earlier DistillJob "mnist"). Kubernetes deletes what that job owned; delete it if it is there after two minutes.',
    ],
    [
      'an earlier job of this name, and is being deleted,',
      owners([owner('mnist', 'u-0')], { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ' (it belongs to an earlier DistillJob "mnist"), and is being deleted. This job continues when it is gone.',
    ],
    [
      'another controller',
      owners([{ apiVersion: 'example.com/v1', kind: 'App', name: 'web', uid: 'x', controller: true }]),
      ' (it belongs to App "web"). Delete it if nothing needs it, or give this job another name.',
    ],
  ])('and that exists and belongs to %s is not changed', async (_whose, there, owner) => {
    const { said, writer } = server(there);
    const error = await refusal(writer.write(job, object, null));
    expect(error).toBeInstanceOf(NameTakenError);
    expect(isBlocking(error)).toBe(true);
    expect(error.message).toBe(`Deployment "mnist-teacher-cpu": it exists and does not belong to this job${owner}`);
    expect(said.map(([verb]) => verb)).toEqual(['create', 'list']);
  });

  test('and that vanished in between is retried', async () => {
    const { writer } = server(null, { create: 'alreadyExists' });
    expect(await refusal(writer.write(job, object, null))).toMatchObject({ reason: 'conflict' });
  });
});

describe('an object that is known', () => {
  test('is applied to its uid: the write fails on another object with its name', async () => {
    const { said, writer } = server(stored(), { apply: 'conflict' });
    expect(await refusal(writer.write(job, object, viewOf(stored())))).toMatchObject({ reason: 'conflict' });
    expect(said).toEqual([['apply', 'uid-mnist-teacher-cpu']]);
  });

  test('and was created by us is claimed for our apply first, so that removed fields go', async () => {
    const entry = { manager: 'distillery', operation: 'Update', apiVersion: 'apps/v1', fieldsV1: { 'f:spec': {} } };
    const others = [
      { manager: 'kubectl', operation: 'Update', subresource: 'scale' },
      { manager: 'kube-controller-manager', operation: 'Update', subresource: 'status' },
      { manager: 'distillery', operation: 'Update', subresource: 'status' },
    ];
    const there = stored(undefined, { managedFields: [entry, ...others], resourceVersion: '77' });
    const { said, writer } = server(there);
    await writer.write(job, object, viewOf(there));
    const managedFields = [{ ...entry, operation: 'Apply' }, ...others];
    expect(said).toEqual([
      ['patch', { metadata: { uid: 'uid-mnist-teacher-cpu', resourceVersion: '77', managedFields } }],
      ['apply', 'uid-mnist-teacher-cpu'],
    ]);
    // The second write needs no claim.
    expect(viewOf(stored(undefined, { managedFields }))).toMatchObject({ unclaimed: null });
  });

  test('is refused with a sentence that names the part of the job', async () => {
    const { writer } = server(null, { create: 'invalid' });
    expect(await refusal(writer.write(job, object, null))).toBeInstanceOf(RefusalError);
    const known = server(stored(), { apply: 'invalid' });
    expect(await refusal(known.writer.write(job, object, ownedView(stored(), 'Deployment')))).toBeInstanceOf(
      RefusalError,
    );
  });
});

describe('what a pod mounts', () => {
  test('is created, or replaced if it exists, and never read or patched', async () => {
    const none = server(null);
    await none.writer.put(secret);
    expect(none.said).toEqual([['create', 'mnist-distill-u-1']]);
    const some = server(stored());
    await some.writer.put(secret);
    expect(some.said).toEqual([
      ['create', 'mnist-distill-u-1'],
      ['replace', 'mnist-distill-u-1'],
    ]);
  });

  test('that is refused throws the refusal', async () => {
    expect(await refusal(server(null, { create: 'invalid' }).writer.put(secret))).toBeInstanceOf(RefusalError);
    expect(await refusal(server(null, { create: 'forbidden' }).writer.put(secret))).toMatchObject({
      reason: 'forbidden',
    });
    expect(await refusal(server(stored(), { replace: 'conflict' }).writer.put(secret))).toMatchObject({
      reason: 'conflict',
    });
  });
});
