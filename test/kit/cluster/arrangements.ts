/**
 * Small random clusters for the scheduler and the ledger to judge: a few nodes of all kinds, pods on them in all states,
 * pods that preempt others, and a kind of pod whose remaining capacity is counted. Each is self-contained: all of its pods
 * select the label of its nodes, so that hundreds fit into one control plane without interference.
 */
import fc from 'fast-check';

import { thousandthsOf } from '../../../src/domain/ledger/index.js';

export interface Arrangement {
  readonly nodes: readonly NodePlan[];
  readonly residents: readonly ResidentPlan[];
  /** Pods of high priority: they take free places or preempt residents. */
  readonly contenders: readonly PodPlan[];
  /** The kind of pod that is counted. */
  readonly asker: PodPlan;
}

type Quantities = Readonly<Record<string, string>>;

export interface NodePlan {
  readonly allocatable: Quantities;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  readonly state: 'Ready' | 'Cordoned' | 'NotReady';
}

export interface PodPlan {
  readonly spec: object;
  readonly priorityClass: keyof typeof priorityClasses;
}

export interface ResidentPlan {
  readonly spec: object;
  readonly priorityClass: keyof typeof priorityClasses;
  /** Index of its node. */
  readonly node: number;
  readonly state: 'Running' | 'Terminating' | 'Succeeded' | 'Failed' | 'Resized' | 'Refused' | 'Deferred';
  /** Running resources of its first container while it is resized. */
  readonly actual: Quantities;
  /** Resources that the kubelet has admitted for it. */
  readonly allocated: Quantities;
}

/** All priority classes; counted pods never preempt others, as teachers do not. */
export const priorityClasses = {
  teacher: { value: -1_000, preemptionPolicy: 'Never' },
  resident: { value: 0, preemptionPolicy: 'Never' },
  contender: { value: 1_000, preemptionPolicy: 'PreemptLowerPriority' },
  important: { value: 2_000, preemptionPolicy: 'Never' },
} as const;

/** Overheads by RuntimeClass. */
export const runtimeClasses = {
  light: { cpu: '50m' },
  heavy: { cpu: '250m', memory: '100Mi', 'ephemeral-storage': '1Gi' },
} as const;

const gpu = 'nvidia.com/gpu';
const slice = 'nvidia.com/mig-1g.10gb';

const cpu = fc.constantFrom('50m', '100m', '250m', '0.5', '1', '1500m');
/** Quantities of memory; some are not a whole number of bytes. */
const memory = fc.constantFrom('64Mi', '0.1Gi', '1000000000100m', '1Gi');
const storage = fc.constantFrom('1Gi', '3Gi');
const few = fc.constantFrom('1', '1', '2');

/** A random subset of requests. */
const requests: fc.Arbitrary<Quantities> = fc
  .record({ cpu, memory, 'ephemeral-storage': storage }, { requiredKeys: [] })
  .map((asked) => ({ ...asked }));
const devices: fc.Arbitrary<Quantities> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 4, arbitrary: few.map((count) => ({ [gpu]: count })) },
  { weight: 1, arbitrary: few.map((count) => ({ [slice]: count })) },
);
/** A limit without a request is also the request. */
const limits: fc.Arbitrary<Quantities> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ cpu: '2', memory: '2Gi' }) },
);

interface Container {
  readonly resources: { readonly requests: Quantities; readonly limits: Quantities };
}

function containers(name: string, most: number, least = 0): fc.Arbitrary<Container[]> {
  const one = fc.tuple(requests, devices, limits).map(([asked, own, limited]) => ({
    resources: { requests: { ...asked, ...own }, limits: { ...limited, ...own } },
  }));
  return fc
    .array(one, { minLength: least, maxLength: most })
    .map((list) => list.map((container, at) => ({ name: `${name}-${at}`, image: 'nowhere/none:1', ...container })));
}

const initContainers = fc
  .tuple(containers('init', 3), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }))
  .map(([list, sidecars]) =>
    list.map((container, at) => (sidecars[at] === true ? { ...container, restartPolicy: 'Always' } : container)),
  );

/** Resources of the pod as a whole, by this much above the sum of its containers. */
const podResources = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  {
    weight: 3,
    arbitrary: fc.record({
      which: fc.subarray(['cpu', 'memory'], { minLength: 1 }),
      as: fc.constantFrom('requests', 'limits'),
      above: fc.constantFrom(0, 1_000, 500_000),
    }),
  },
);

/** The API server refuses pods whose limits are below those of their containers. */
function wholeOf(
  all: readonly Container[],
  plan: { readonly which: readonly string[]; readonly as: string; readonly above: number } | null,
): object {
  if (plan === null) return {};
  const atLeast = (name: string): number => {
    const asked = all.map(({ resources: { requests: own, limits: limited } }) =>
      Math.max(thousandthsOf(own[name] ?? '0'), thousandthsOf(limited[name] ?? '0')),
    );
    const sum = asked.reduce((a, b) => a + b, 0) + plan.above;
    return Math.max(name === 'cpu' ? 10 : 1_000_000, sum);
  };
  const quantity = (name: string): string =>
    name === 'cpu' ? `${atLeast(name)}m` : String(Math.ceil(atLeast(name) / 1_000));
  return { resources: { [plan.as]: Object.fromEntries(plan.which.map((name) => [name, quantity(name)])) } };
}

const runtime = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constantFrom('light', 'heavy').map((name) => ({ runtimeClassName: name })) },
);

const body = fc
  .tuple(containers('main', 2, 1), fc.oneof(fc.constant([]), initContainers), podResources, runtime)
  .map(([main, init, whole, run]) => ({
    containers: main,
    initContainers: init,
    ...wholeOf([...main, ...init], whole),
    ...run,
  }));

const taint = fc.constantFrom(
  { key: 'spot', effect: 'NoSchedule' },
  { key: 'team', value: 'a', effect: 'NoSchedule' },
  { key: 'team', value: 'b', effect: 'NoExecute' },
  { key: 'old', value: 'yes', effect: 'PreferNoSchedule' },
);
const toleration = fc.constantFrom<object>(
  { key: 'spot', operator: 'Exists' },
  { key: 'spot', operator: 'Exists', effect: 'NoExecute' },
  { key: 'team', value: 'a' },
  { key: 'team', operator: 'Equal', value: 'b', effect: 'NoExecute' },
  { key: 'team', operator: 'Exists', effect: 'NoSchedule' },
  { operator: 'Exists', effect: 'NoExecute' },
);

const requirement = fc.constantFrom<object>(
  { key: 'zone', operator: 'In', values: ['x', 'y'] },
  { key: 'zone', operator: 'NotIn', values: ['x'] },
  { key: 'zone', operator: 'Exists' },
  { key: 'size', operator: 'DoesNotExist' },
  { key: 'size', operator: 'Gt', values: ['16'] },
  { key: 'size', operator: 'Lt', values: ['24'] },
);
const term = fc.array(requirement, { minLength: 1, maxLength: 2 }).map((matchExpressions) => ({ matchExpressions }));
const affinity = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.array(term, { minLength: 1, maxLength: 2 }).map((nodeSelectorTerms) => ({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    })),
  },
);
const placement = fc
  .tuple(
    fc.subarray(['x', 'y'], { maxLength: 1 }),
    fc.boolean(),
    affinity,
    fc.uniqueArray(toleration, { maxLength: 3 }),
  )
  .map(([[zone], selects, required, tolerations]) => ({
    nodeSelector: selects && zone !== undefined ? { zone } : {},
    tolerations,
    ...required,
  }));

const node: fc.Arbitrary<NodePlan> = fc.record({
  allocatable: fc.record({
    cpu: fc.constantFrom('7910m', '16', '24', '48'),
    memory: fc.constantFrom('16078332Ki', '32Gi', '12884901888500m', '64Gi'),
    'ephemeral-storage': fc.constantFrom('20Gi', '40Gi'),
    pods: fc.constantFrom('3', '8', '20'),
    [gpu]: fc.constantFrom('0', '4', '8'),
    [slice]: fc.constantFrom('0', '7', '14'),
  }),
  labels: fc.record(
    { zone: fc.constantFrom('x', 'y', 'z'), size: fc.constantFrom('8', '16', '24', 'large') },
    { requiredKeys: [] },
  ),
  taints: fc.uniqueArray(taint, { maxLength: 1, selector: ({ key, effect }) => key + effect }),
  state: fc.constantFrom('Ready', 'Ready', 'Ready', 'Ready', 'Ready', 'Cordoned', 'NotReady'),
});

const resident = fc.record({
  spec: body,
  priorityClass: fc.constantFrom('resident', 'teacher'),
  node: fc.nat(),
  state: fc.constantFrom(
    'Running',
    'Running',
    'Running',
    'Terminating',
    'Succeeded',
    'Failed',
    'Resized',
    'Refused',
    'Deferred',
  ),
  actual: fc.record({ cpu, memory }),
  allocated: fc.record({ cpu, memory }),
} satisfies { [K in keyof ResidentPlan]: fc.Arbitrary<ResidentPlan[K]> });

function pods(...classes: (keyof typeof priorityClasses)[]): fc.Arbitrary<PodPlan> {
  return fc.record({
    spec: fc.tuple(body, placement).map(([own, where]) => ({ ...own, ...where })),
    priorityClass: fc.constantFrom(...classes),
  });
}

/** All features at once. */
const various = fc.record({
  nodes: fc.array(node, { minLength: 1, maxLength: 4 }),
  residents: fc.array(resident, { maxLength: 6 }),
  contenders: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(pods('contender'), { minLength: 1, maxLength: 2 }) },
  ),
  asker: pods('teacher', 'teacher', 'resident', 'important'),
});

const open = { labels: fc.constant({}), taints: fc.constant([]), state: fc.constant('Ready' as const) };
const plain = (own: Quantities): object => ({
  containers: [{ name: 'main', image: 'nowhere/none:1', resources: { requests: own, limits: own } }],
});
const withGpus = (...counts: string[]): fc.Arbitrary<object> =>
  fc
    .tuple(fc.constantFrom(...counts), fc.constantFrom('100m', '1'))
    .map(([count, cores]) => plain({ [gpu]: count, cpu: cores }));

/** Preemptible pods hold most devices: nominated places are reserved while those terminate. */
const crowded = fc.record({
  nodes: fc.array(
    fc.record({
      allocatable: fc.record({
        cpu: fc.constantFrom('2', '8'),
        pods: fc.constantFrom('5', '9'),
        [gpu]: fc.constantFrom('4', '5'),
      }),
      ...open,
    }),
    { minLength: 1, maxLength: 3 },
  ),
  residents: fc.array(
    fc.record({
      spec: withGpus('1', '2'),
      priorityClass: fc.constantFrom('resident' as const, 'teacher' as const),
      node: fc.nat(),
      state: fc.constantFrom('Running' as const),
      actual: fc.constant({}),
      allocated: fc.constant({}),
    }),
    { minLength: 2, maxLength: 6 },
  ),
  contenders: fc.array(fc.record({ spec: withGpus('2', '3', '4'), priorityClass: fc.constant('contender' as const) }), {
    minLength: 1,
    maxLength: 3,
  }),
  asker: fc.record({
    spec: withGpus('1', '1', '0'),
    priorityClass: fc.constantFrom('teacher' as const, 'important' as const),
  }),
});

const fractions = fc.constantFrom('1', '1100m', '1500m', '2900m', '3500m');
const twoParts = fc.tuple(fractions, fractions).map(([one, other]) => ({
  containers: [one, other].map((own, at) => ({
    name: `main-${at}`,
    image: 'nowhere/none:1',
    resources: { requests: { memory: own } },
  })),
}));

/** Memory of a few bytes, so that rounding is visible. */
const tiny = fc.record({
  nodes: fc.array(
    fc.record({
      allocatable: fc.record({ pods: fc.constant('20'), memory: fc.constantFrom('17', '23500m', '40100m') }),
      ...open,
    }),
    { minLength: 1, maxLength: 2 },
  ),
  residents: fc.array(
    fc.record({
      spec: twoParts,
      priorityClass: fc.constant('resident' as const),
      node: fc.nat(),
      state: fc.constantFrom('Running' as const, 'Terminating' as const),
      actual: fc.constant({}),
      allocated: fc.constant({}),
    }),
    { maxLength: 3 },
  ),
  contenders: fc.constant([]),
  asker: fc.record({ spec: twoParts, priorityClass: fc.constant('teacher' as const) }),
});

export const arrangement: fc.Arbitrary<Arrangement> = fc
  .oneof({ weight: 5, arbitrary: various }, { weight: 2, arbitrary: crowded }, { weight: 1, arbitrary: tiny })
  .map(({ residents, ...rest }) => ({
    ...rest,
    residents: residents.map((plan) => ({ ...plan, node: plan.node % rest.nodes.length })),
  }));
