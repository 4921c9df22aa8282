/**
 * The allow-list for `template` of a pool or of the student. The CRD leaves the field free, since a PodTemplateSpec would
 * be most of its schema; a job with any other field in it is refused with a sentence.
 *
 * Invariants:
 *  template/T1 With any template that passes, the pod meets the restricted Pod Security Standard (I7).
 *  template/T2 No template that passes changes what workers, streams or operator rely on: names, mounts, variables, slots,
 *     priority.
 *  template/T3 Values that only the scheduler or the kubelet reads are not checked here: the API server checks them, in its
 *     own words.
 */
import { alternatives } from '@distillery/base';

import type { DistillJob } from '../generated/distilljob.js';
import { apiGroup, labels as ownLabels } from '../words/index.js';
import {
  allOf,
  anyFlag,
  anyObject,
  anyText,
  type Check,
  fields,
  joinPath,
  listOf,
  mapOf,
  milliAmount,
  mismatch,
  nameValue,
  oneText,
  type Problem,
  QuantityError,
  violation,
  wholeNumber,
} from '../schema/index.js';
import {
  graceSeconds,
  ownVariablePrefix,
  ownVolumePrefix,
  reservedFolders,
  safeToEvictAnnotation,
  workerContainer,
} from './worker-pod.js';
import type { PodRole } from './worker-pod.js';

export type Quantities = Readonly<Record<string, string | number>>;
type ObjectList = readonly Readonly<Record<string, unknown>>[];

/** A template that passed. */
export interface PodOverlay {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly affinity?: Readonly<Record<string, unknown>>;
    readonly tolerations?: ObjectList;
    readonly topologySpreadConstraints?: ObjectList;
    readonly imagePullSecrets?: ObjectList;
    readonly priorityClassName?: string;
    readonly runtimeClassName?: string;
    readonly schedulerName?: string;
    readonly terminationGracePeriodSeconds?: number;
    readonly resourceClaims?: readonly { readonly name: string; readonly resourceClaimTemplateName: string }[];
    readonly volumes?: ObjectList;
    readonly containers?: readonly [] | readonly [ContainerOverlay];
  };
}

export interface ContainerOverlay {
  readonly image?: string;
  readonly imagePullPolicy?: string;
  readonly resources?: { readonly requests?: Quantities; readonly limits?: Quantities; readonly claims?: ObjectList };
  readonly env?: ObjectList;
  readonly envFrom?: ObjectList;
  readonly volumeMounts?: ObjectList;
}

/** @returns a problem for everything in the templates of a valid job that a job may not set. */
export function templateProblems({ spec }: DistillJob): Problem[] {
  return [
    ...spec.teacher.pools.flatMap(({ template }, index) =>
      templateOf.teacher(template, `spec.teacher.pools[${String(index)}].template`),
    ),
    ...templateOf.student(spec.student.template, 'spec.student.template'),
  ];
}

const leaveOut = 'leave it out';
const restricted = 'every worker runs under the restricted Pod Security Standard';
const noApi = `${leaveOut}: workers have no rights at the API server`;
const inImage = `${leaveOut}: build it into the image of the worker`;
const security = `${leaveOut}: ${restricted}`;

const texts = mapOf(anyText);

// Labels and annotations

function startsWithAny(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix));
}

function isOurs(key: string): boolean {
  const [domain = ''] = key.split('/');
  return domain === apiGroup || domain.endsWith(`.${apiGroup}`);
}

const takenLabels: readonly string[] = [...Object.values(ownLabels), 'pod-template-hash', 'controller-uid', 'job-name'];
const takenAnnotations: readonly string[] = [safeToEvictAnnotation, 'controller.kubernetes.io/pod-deletion-cost'];
/** Annotations that predate fields of the security context: no setting of an administrator allows them. */
export const securityPrefixes: readonly string[] = [
  'container.apparmor.security.beta.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
  'seccomp.security.alpha.kubernetes.io/',
];

function freeKey(taken: readonly string[]): (key: string, path: string) => readonly Problem[] {
  return (key, path) => {
    if (taken.includes(key) || isOurs(key) || key.startsWith('batch.kubernetes.io/')) {
      const clause = 'the operator or Kubernetes itself sets it';
      return [violation(path, nameValue(key), clause, 'choose another key')];
    }
    if (startsWithAny(key, securityPrefixes)) return [violation(path, nameValue(key), restricted, leaveOut)];
    return [];
  };
}

// Volumes

/** Requires a name without the prefix of our own volumes. */
function nameWithout(prefix: string): Check {
  return allOf(anyText, (name, path) =>
    String(name).startsWith(prefix)
      ? [violation(path, nameValue(name), `names that begin with ${prefix} are the operator's`, 'choose another')]
      : [],
  );
}

const freeVolumeName = nameWithout(ownVolumePrefix);

const projection = fields(
  { configMap: anyObject, secret: anyObject, downwardAPI: anyObject },
  { instead: { serviceAccountToken: noApi } },
);

const claimOrOwnDisk = 'use a persistentVolumeClaim, or ephemeral for a disk that lives as long as the pod';

/** `csi` is missing on purpose: what an inline driver mounts depends on attributes that this file cannot check. */
const sources: Readonly<Record<string, Check>> = {
  configMap: anyObject,
  secret: anyObject,
  emptyDir: anyObject,
  persistentVolumeClaim: fields({ claimName: anyText, readOnly: anyFlag }, { required: ['claimName'] }),
  projected: fields({ sources: listOf(projection), defaultMode: wholeNumber(0) }, { required: ['sources'] }),
  ephemeral: fields({ volumeClaimTemplate: anyObject }, { required: ['volumeClaimTemplate'] }),
};

const volume = allOf(
  fields(
    { name: freeVolumeName, ...sources },
    {
      required: ['name'],
      instead: { hostPath: claimOrOwnDisk, csi: claimOrOwnDisk, nfs: claimOrOwnDisk, image: claimOrOwnDisk },
    },
  ),
  (value, path) => {
    const given = Object.keys(value as object).filter((name) => name !== 'name');
    if (given.length === 1) return [];
    const found = given.length === 0 ? 'no source' : given.join(' and ');
    return [mismatch(path, found, 'one source', `give each volume one of ${alternatives(Object.keys(sources))}`)];
  },
);

// The container

const variable = fields(
  { name: nameWithout(ownVariablePrefix), value: anyText, valueFrom: anyObject },
  { required: ['name'] },
);

/** The variable names of `envFrom` are in a ConfigMap that is not read here: only the prefix can be checked. */
const manyVariables: Check = allOf(anyObject, (value, path) => {
  const { prefix = '' } = value as { readonly prefix?: unknown };
  const text = String(prefix);
  if (text === '' || !(text.startsWith(ownVariablePrefix) || ownVariablePrefix.startsWith(text))) return [];
  const clause = `its variables could begin with ${ownVariablePrefix}, as the operator's do`;
  return [violation(`${path}.prefix`, nameValue(prefix), clause, 'choose another, or none')];
});

const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

const freeFolder: Check = allOf(anyText, (value, path) => {
  const folder = String(value);
  const parts = folder.split('/').slice(1);
  if (!/^\/[^:]+$/.test(folder) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    const expected = 'an absolute path without ., .., : or a slash at its end';
    return [mismatch(path, nameValue(value), expected, 'write for example /data')];
  }
  const taken = reservedFolders.find((reserved) => isIn(folder, reserved) || isIn(reserved, folder));
  if (taken === undefined) return [];
  return [violation(path, nameValue(value), `the worker needs ${taken} as it is`, 'choose another, such as /data')];
});

const mount = fields(
  { name: freeVolumeName, mountPath: freeFolder, readOnly: anyFlag, subPath: anyText },
  { required: ['name', 'mountPath'] },
);

/** Maximum of cores: one inference thread per core, and no worker starts more threads (docs/protocol.md "Environment"). */
const mostMilliCpu = 256_000;

const amount: Check = (value, path) => {
  const wrong = [mismatch(path, nameValue(value), 'an amount such as 2, 500m or 1.5Gi', 'write one')];
  if (typeof value !== 'string' && typeof value !== 'number') return wrong;
  try {
    const millis = milliAmount(value);
    if (!path.endsWith('.cpu') || (millis > 0 && millis <= mostMilliCpu)) return [];
    return [mismatch(path, nameValue(value), 'more than 0 and at most 256 cores', 'change it')];
  } catch (error) {
    if (error instanceof QuantityError) return wrong;
    throw error;
  }
};

const computeResources: readonly string[] = ['cpu', 'memory', 'ephemeral-storage'];

function resourceName(role: PodRole): (name: string, path: string) => readonly Problem[] {
  const [clause, remedy] =
    role === 'student'
      ? ['a student asks for cpu, memory, ephemeral-storage or an extended resource', leaveOut]
      : ['a teacher asks here for cpu, memory or ephemeral-storage', "name devices in the pool's resource instead"];
  return (name, path) => {
    const isExtended = /^[^/]+\/[^/]+$/.test(name) && !/(^|\.)kubernetes\.io\//.test(name);
    const isFree = computeResources.includes(name) || (role === 'student' && isExtended);
    return isFree ? [] : [violation(path, nameValue(name), clause, remedy)];
  };
}

const limitsHoldRequests: Check = (value, path) => {
  const { requests = {}, limits = {} } = value as { readonly requests?: Quantities; readonly limits?: Quantities };
  return Object.entries(limits).flatMap(([name, limit]) => {
    const request = Object.hasOwn(requests, name) ? requests[name] : undefined;
    if (request === undefined || milliAmount(request) <= milliAmount(limit)) return [];
    const expected = `at least the request of ${String(request)}`;
    const remedy = 'raise the limit or lower the request';
    return [mismatch(joinPath(`${path}.limits`, name), nameValue(limit), expected, remedy)];
  });
};

function resources(role: PodRole): Check {
  const amounts = mapOf(amount, resourceName(role));
  return allOf(
    fields({
      requests: amounts,
      limits: amounts,
      claims: listOf(fields({ name: anyText, request: anyText }, { required: ['name'] })),
    }),
    limitsHoldRequests,
  );
}

function container(role: PodRole): Check {
  return fields(
    {
      name: oneText(workerContainer),
      image: anyText,
      imagePullPolicy: oneText('Always', 'IfNotPresent', 'Never'),
      resources: resources(role),
      env: listOf(variable),
      envFrom: listOf(manyVariables),
      volumeMounts: listOf(mount),
    },
    {
      required: ['name'],
      instead: { command: inImage, args: inImage, workingDir: inImage, securityContext: security },
    },
  );
}

function containers(role: PodRole): Check {
  return allOf(listOf(container(role)), (value, path) => {
    const count = (value as readonly unknown[]).length;
    if (count === 1) return [];
    const remedy = `keep the one named ${workerContainer}`;
    return [mismatch(path, nameValue(value), 'exactly one container', remedy)];
  });
}

// The pod

/** Mounts may name volumes of the same template only: the operator mounts its own volumes. */
const mountsHaveVolumes: Check = (value, path) => {
  const { volumes = [], containers: [worker] = [] } = value as NonNullable<PodOverlay['spec']>;
  const names = new Set(volumes.map(({ name }) => name));
  return (worker?.volumeMounts ?? []).flatMap(({ name }, index) => {
    const at = `${path}.containers[0].volumeMounts[${String(index)}].name`;
    const remedy = `add it to ${path}.volumes`;
    return names.has(name) ? [] : [mismatch(at, nameValue(name), 'a volume of this template', remedy)];
  });
};

/** Every teacher, and every attempt of a student, is a pod of its own: a claim by name would be one for all of them. */
const podClaim = fields(
  { name: anyText, resourceClaimTemplateName: anyText },
  {
    required: ['name', 'resourceClaimTemplateName'],
    instead: { resourceClaimName: 'name a resourceClaimTemplateName: each pod needs a claim of its own' },
  },
);

/** A claim that the container does not use gives it no device, and one that the pod lacks refuses the pod. */
const claimsAreUsed: Check = (value, path) => {
  const { resourceClaims = [], containers: [worker] = [] } = value as NonNullable<PodOverlay['spec']>;
  const names = new Set(resourceClaims.map(({ name }) => name));
  const used = (worker?.resources?.claims ?? []).map(({ name }) => name);
  const missing = used.flatMap((name, index) => {
    const at = `${path}.containers[0].resources.claims[${String(index)}].name`;
    const remedy = `add it to ${path}.resourceClaims`;
    return names.has(String(name)) ? [] : [mismatch(at, nameValue(name), 'a claim of this template', remedy)];
  });
  const unused = resourceClaims.flatMap(({ name }, index) => {
    const at = `${path}.resourceClaims[${String(index)}].name`;
    const remedy = `add it to ${path}.containers[0].resources.claims`;
    return used.includes(name) ? [] : [mismatch(at, nameValue(name), 'a claim that the container uses', remedy)];
  });
  return [...missing, ...unused];
};

function template(role: PodRole): Check {
  const seconds = graceSeconds[role];
  const why = role === 'teacher' ? ', so that it gives back what it holds' : ', so that it writes a checkpoint';
  return fields({
    metadata: fields({
      labels: mapOf(anyText, freeKey(takenLabels)),
      annotations: mapOf(anyText, freeKey(takenAnnotations)),
    }),
    spec: allOf(
      fields(
        {
          nodeSelector: texts,
          affinity: anyObject,
          tolerations: listOf(anyObject),
          topologySpreadConstraints: listOf(anyObject),
          imagePullSecrets: listOf(fields({ name: anyText }, { required: ['name'] })),
          ...(role === 'student' ? { priorityClassName: anyText } : {}),
          runtimeClassName: anyText,
          schedulerName: anyText,
          terminationGracePeriodSeconds: wholeNumber(seconds, why),
          volumes: listOf(volume),
          resourceClaims: listOf(podClaim),
          containers: containers(role),
        },
        {
          instead: {
            priorityClassName: 'leave it out: the operator says at which priority teachers run',
            priority: 'leave it out: a priority comes from its class',
            preemptionPolicy: 'leave it out: it comes from the priority class',
            serviceAccountName: noApi,
            serviceAccount: noApi,
            automountServiceAccountToken: noApi,
            initContainers: inImage,
            ephemeralContainers: inImage,
            securityContext: security,
            hostNetwork: security,
            hostPID: security,
            hostIPC: security,
            hostUsers: security,
            shareProcessNamespace: security,
            nodeName: 'leave it out: the scheduler chooses; narrow its choice by nodeSelector or affinity',
            resources: 'give the resources to the container',
          },
        },
      ),
      mountsHaveVolumes,
      claimsAreUsed,
    ),
  });
}

const templateOf: Readonly<Record<PodRole, Check>> = { teacher: template('teacher'), student: template('student') };
