/** Autoscalers of others, and the Deployments that they are aimed at. */
import { describe, expect, test } from '@jest/globals';

import {
  AutoscalerIndex,
  autoscalerView,
  type AutoscalerView,
  type RawAutoscaler,
} from '../../../src/cluster/kubernetes/cache/autoscalers.js';

const metadata = { name: 'web', namespace: 'team', uid: 'u-1', resourceVersion: '1' };
const aimedAt = (scaleTargetRef: object, more: object = {}): RawAutoscaler => ({
  metadata: { ...metadata, ...more },
  spec: { scaleTargetRef },
});
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'mnist-teacher-gpu' };

describe('an autoscaler', () => {
  test('is known by the Deployment that it is aimed at, in any version of the group', () => {
    const seen = { uid: 'u-1', namespace: 'team', kind: 'HorizontalPodAutoscaler', name: 'web' };
    for (const apiVersion of ['apps/v1', 'apps/v1beta2', '', undefined]) {
      expect(autoscalerView(aimedAt({ ...deployment, apiVersion }))).toEqual({ ...seen, deployment: deployment.name });
    }
  });

  test('of KEDA has the name of its ScaledObject', () => {
    const ownerReferences = [{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'lag', uid: 'u-2' }];
    expect(autoscalerView(aimedAt(deployment, { name: 'keda-hpa-lag', ownerReferences }))).toMatchObject({
      kind: 'ScaledObject',
      name: 'lag',
    });
  });

  test.each([
    ['another kind', { ...deployment, kind: 'StatefulSet' }],
    ['a Deployment of another group', { ...deployment, apiVersion: 'example.com/v1' }],
    ['nothing', {}],
  ])('of %s is none of ours', (_what, target) => {
    expect(autoscalerView(aimedAt(target))).toBeNull();
  });

  test('without a spec is none of ours', () => {
    expect(autoscalerView({ metadata })).toBeNull();
  });
});

describe('the index of autoscalers', () => {
  const view = (uid: string, to: string, namespace = 'team'): AutoscalerView => ({
    uid,
    namespace,
    kind: 'HorizontalPodAutoscaler',
    name: `hpa-${uid}`,
    deployment: to,
  });
  const namesOf = (index: AutoscalerIndex, to: string): string[] => index.of('team', to).map(({ name }) => name);

  test('follows an autoscaler to another Deployment, and to its end', () => {
    const index = new AutoscalerIndex();
    index.observed(null, view('b', 'x'));
    index.observed(null, view('a', 'x'));
    index.observed(null, view('c', 'x', 'other'));
    expect(namesOf(index, 'x')).toEqual(['hpa-a', 'hpa-b']);
    index.observed(view('a', 'x'), view('a', 'y'));
    expect([namesOf(index, 'x'), namesOf(index, 'y')]).toEqual([['hpa-b'], ['hpa-a']]);
    index.observed(view('b', 'x'), null);
    expect(namesOf(index, 'x')).toEqual([]);
  });
});
