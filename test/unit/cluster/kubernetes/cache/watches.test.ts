/** Kinds that a cluster may lack: the operator starts without them, reports so once, and follows them when they come. */
import { afterEach, describe, expect, test } from '@jest/globals';

import { randomFrom } from '@distillery/base';

import type { Page, WatchEvent, WatchOptions } from '../../../../../src/cluster/kubernetes/api/index.js';
import { errorOfAnswer } from '../../../../../src/cluster/kubernetes/api/errors.js';
import { kinds } from '../../../../../src/cluster/kubernetes/cache/kinds.js';
import { Watches } from '../../../../../src/cluster/kubernetes/cache/watches.js';
import {
  type ApiClient,
  ClusterCache,
  JobCache,
  type ResourceKind,
} from '../../../../../src/cluster/kubernetes/index.js';
import { watchReporter } from '../../../../../src/operator/reports.js';
import { FakeClock } from '../../../../kit/clock.js';

const path = ({ group, version, plural }: ResourceKind): string => `${group}/${version}/${plural}`;
const forbidden = JSON.stringify({
  kind: 'Status',
  message: 'it is forbidden: User "operator" cannot list it',
  reason: 'Forbidden',
  code: 403,
});
/** Nothing comes on a watch. */
const silent = async ({ signal }: WatchOptions): Promise<void> =>
  new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));

/** A cluster that has nothing, and does not serve some kinds or refuses to list them. */
class BareCluster implements Pick<ApiClient, 'list' | 'watch'> {
  readonly answers = new Map<string, readonly [code: number, text: string]>();

  list(kind: ResourceKind): Promise<Page> {
    const answer = this.answers.get(path(kind));
    if (answer !== undefined)
      return Promise.reject(errorOfAnswer(`list ${kind.plural}`, answer[0], undefined, answer[1]));
    return Promise.resolve({ items: [], resourceVersion: '1', continueToken: null });
  }

  async *watch(_kind: ResourceKind, options: WatchOptions): AsyncGenerator<WatchEvent> {
    yield { type: 'opened' };
    await silent(options);
  }

  lacks(...lacking: readonly ResourceKind[]): this {
    for (const kind of lacking) this.answers.set(path(kind), [404, '404 page not found\n']);
    return this;
  }

  hides(...hidden: readonly ResourceKind[]): this {
    for (const kind of hidden) this.answers.set(path(kind), [403, forbidden]);
    return this;
  }
}

const oldWorkloads = { ...kinds.workloads, version: 'v1beta1' };
const deviceKinds = [kinds.resourceSlices, kinds.deviceClasses, kinds.resourceClaims, kinds.resourceClaimTemplates];
const optional = ['workloads', ...deviceKinds.map(({ plural }) => plural), 'horizontalpodautoscalers'];
const running: Watches[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((watches) => watches.stop()));
});

async function started(client: BareCluster) {
  const clock = new FakeClock(0);
  const cache = new ClusterCache(clock);
  const lines: { readonly fields: object; readonly text: string }[] = [];
  const line = (fields: object, text: string): void => void lines.push({ fields, text });
  const ignore = (): void => undefined;
  const watches = new Watches({
    client,
    cache,
    jobs: new JobCache({ clock, forbidden: () => [] }),
    namespaces: [],
    wake: { job: ignore, jobGone: ignore, part: ignore, slots: ignore },
    report: watchReporter({ info: line, error: line }),
    clock,
    random: randomFrom(1),
  });
  running.push(watches);
  watches.start();
  await watches.whenSynced();
  await clock.advance(0);
  /** Log lines of the kinds that a cluster may lack. */
  const said = () =>
    lines.flatMap(({ fields, text }) =>
      'resource' in fields && optional.includes(String(fields.resource)) ? [{ text, ...fields }] : [],
    );
  return { cache, clock, said };
}

describe('a cluster without Kueue and devices', () => {
  const lacking = () => new BareCluster().lacks(kinds.workloads, oldWorkloads, ...deviceKinds);

  test('is no fault: one line for each kind says that it is not served, and repeats no text of the API server', async () => {
    const { cache, clock, said } = await started(lacking());
    const text = 'optional resource not served by this cluster';
    const lines = () => said().filter(({ resource }) => resource !== 'horizontalpodautoscalers');
    expect(lines()).toEqual(
      expect.arrayContaining([
        { text, resource: 'workloads', group: 'kueue.x-k8s.io' },
        ...deviceKinds.map(({ plural: resource }) => ({ text, resource, group: 'resource.k8s.io' })),
      ]),
    );
    expect(cache.workloads.support).toBe('NotServed');
    // Many more attempts.
    await clock.advance(600_000);
    expect(lines()).toHaveLength(5);
  });

  test('that gets them is followed from then on', async () => {
    const client = lacking();
    const { cache, clock, said } = await started(client);
    client.answers.clear();
    await clock.advance(60_000);
    expect(cache.workloads.support).toBe('Served');
    expect(
      said()
        .flatMap(({ text, resource }) => (text === 'watch listed' ? [resource] : []))
        .sort(),
    ).toEqual(optional.toSorted());
  });
});

test('a Kueue that is too old is named so', async () => {
  const { cache, said } = await started(new BareCluster().lacks(kinds.workloads));
  expect(cache.workloads.support).toBe('TooOld');
  expect(said()).toContainEqual({
    text: 'optional resource served by this cluster in an older version only',
    resource: 'workloads',
    group: 'kueue.x-k8s.io',
  });
});

test('a kind that an older chart gives no right to is named so once, with the refusal', async () => {
  const { clock, said } = await started(new BareCluster().hides(kinds.workloads, kinds.horizontalPodAutoscalers));
  await clock.advance(600_000);
  const error = 'it is forbidden: User "operator" cannot list it';
  expect(said().filter(({ text }) => text !== 'watch listed')).toEqual([
    { text: 'optional resource not readable by this account', resource: 'workloads', group: 'kueue.x-k8s.io', error },
    {
      text: 'optional resource not readable by this account',
      resource: 'horizontalpodautoscalers',
      group: 'autoscaling',
      error,
    },
  ]);
});
