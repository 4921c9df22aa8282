/**
 * A job's template laid over the operator's own pod, as a strategic merge would: maps by key, lists by the name of their
 * entries.
 *
 * Invariants:
 *  overlay/O1 The operator's fields win: a template adds to them, and replaces only the fields that are listed here.
 *  overlay/O2 Only the fields listed here are read from a template (api `templateProblems` refuses the rest).
 */
import { type ContainerOverlay, type PodOverlay, variableDefaults } from '../api/index.js';

import type { Fields } from './object.js';

interface Named extends Fields {
  readonly name: string;
}

export interface Container extends Named {
  readonly image: string;
  readonly imagePullPolicy: string;
  readonly env: readonly Named[];
  readonly volumeMounts: readonly (Fields & { readonly mountPath: string })[];
}

export interface PodTemplate extends Fields {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Fields & {
    readonly terminationGracePeriodSeconds: number;
    readonly affinity?: Fields;
    readonly volumes: readonly Named[];
    readonly containers: readonly [Container];
  };
}

/** Fields of the pod that the operator does not set. */
const openFields = [
  'nodeSelector',
  'affinity',
  'tolerations',
  'topologySpreadConstraints',
  'imagePullSecrets',
  'priorityClassName',
  'runtimeClassName',
  'schedulerName',
  'resourceClaims',
] as const;

export function withOverlay(own: PodTemplate, { metadata = {}, spec = {} }: PodOverlay): PodTemplate {
  const [worker] = spec.containers ?? [];
  return {
    metadata: {
      labels: { ...metadata.labels, ...own.metadata.labels },
      annotations: { ...metadata.annotations, ...own.metadata.annotations },
    },
    spec: {
      ...Object.fromEntries(openFields.flatMap((field) => (spec[field] === undefined ? [] : [[field, spec[field]]]))),
      ...own.spec,
      ...(own.spec.affinity === undefined ? {} : { affinity: { ...own.spec.affinity, ...spec.affinity } }),
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? own.spec.terminationGracePeriodSeconds,
      volumes: added('name', own.spec.volumes, (spec.volumes ?? []) as readonly Named[]),
      containers: [containerWith(own.spec.containers[0], worker)],
    },
  };
}

/** Resources are not merged here: limits and requests depend on each other (resources.ts). */
function containerWith(own: Container, asked: ContainerOverlay = {}): Container {
  return {
    ...own,
    image: asked.image ?? own.image,
    imagePullPolicy: asked.imagePullPolicy ?? own.imagePullPolicy,
    env: added('name', withDefaults(own.env, asked), (asked.env ?? []) as readonly Named[]),
    ...(asked.envFrom === undefined ? {} : { envFrom: asked.envFrom }),
    volumeMounts: added('mountPath', own.volumeMounts, (asked.volumeMounts ?? []) as Container['volumeMounts']),
  };
}

/** A variable that is set by name wins over one of `envFrom`: if there is an `envFrom`, set each of ours by name. */
function withDefaults(own: Container['env'], { envFrom }: ContainerOverlay): Container['env'] {
  if (envFrom === undefined) return own;
  return added(
    'name',
    own,
    Object.entries(variableDefaults).map(([name, value]) => ({ name, value })),
  );
}

/** The operator's entries, then the template's entries with other names. */
function added<T extends Fields>(key: string, own: readonly T[], further: readonly T[]): readonly T[] {
  const taken = new Set(own.map((entry) => entry[key]));
  return [...own, ...further.filter((entry) => !taken.has(entry[key]))];
}
