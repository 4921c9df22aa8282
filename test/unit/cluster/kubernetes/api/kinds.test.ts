/** Paths at the API server, and the kinds of objects. */
import { describe, expect, test } from '@jest/globals';

import { apiVersionOf, collectionPath, kindOf, objectPath } from '../../../../../src/cluster/kubernetes/api/kinds.js';
import { kinds } from '../../../../../src/cluster/kubernetes/index.js';

describe('kinds', () => {
  test.each([
    ['pods of a namespace', collectionPath(kinds.pods, 'ns'), '/api/v1/namespaces/ns/pods'],
    ['pods of all namespaces', collectionPath(kinds.pods, ''), '/api/v1/pods'],
    ['nodes, which have no namespace', collectionPath(kinds.nodes, 'ns'), '/api/v1/nodes'],
    ['jobs', collectionPath(kinds.jobs, 'ns'), '/apis/batch/v1/namespaces/ns/jobs'],
    [
      'the status of our own kind',
      objectPath(kinds.distillJobs, 'ns', 'mnist', 'status'),
      '/apis/distillery.dev/v1alpha1/namespaces/ns/distilljobs/mnist/status',
    ],
    ['a name with slashes', objectPath(kinds.pods, 'ns', 'a/../b'), '/api/v1/namespaces/ns/pods/a%2F..%2Fb'],
  ])('the path of %s', (_, path, want) => {
    expect(path).toBe(want);
  });

  test.each(Object.entries(kinds))('the kind of an object of %s is found by its apiVersion and kind', (_, kind) => {
    expect(kindOf({ apiVersion: apiVersionOf(kind), kind: kind.kind }, kinds)).toBe(kind);
  });

  test('an unknown kind and an empty name or namespace are refused', () => {
    expect(() => kindOf({ apiVersion: 'v1', kind: 'Job' }, kinds)).toThrow(
      /v1 Job: this client does not know the kind/,
    );
    expect(() => objectPath(kinds.pods, '', 'a')).toThrow(/namespace "" and name "a" must not be empty/);
    expect(() => objectPath(kinds.nodes, '', '')).toThrow(RangeError);
  });
});
