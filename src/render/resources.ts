/**
 * The resources of a worker's container. The defaults fit models of the size that our runtimes are made for: MNIST workers
 * hold about 250 MiB and keep one core busy. A job with other needs sets them in its template.
 *
 * Invariants:
 *  render/resources/R1 The job's own requests and limits are kept, and its slots are exactly those that its pool names.
 *  render/resources/R2 Every limited resource has a request, no request is above its limit, and requests of devices equal
 *     their limits.
 */
import {
  type DistillJob,
  milliAmount,
  type PodOverlay,
  type PodRole,
  type Quantities,
  type TeacherPool,
} from '../api/index.js';

import { amountsOf, type PodNeeds } from '../domain/index.js';

export interface Resources {
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
  /** ResourceClaims of the pod that the container uses; absent = none. */
  readonly claims?: readonly Readonly<Record<string, unknown>>[];
}

/**
 * No CPU limit: a teacher that is throttled in the middle of an item answers late, and idle cores would be wasted. A memory
 * limit: a leak ends the worker, which its job survives, and not other pods on the node.
 */
const defaults: Readonly<Record<PodRole, Resources>> = {
  teacher: { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } },
  student: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '4Gi' } },
};

export function teacherResources({ resource, slotsPerReplica, template }: TeacherPool): Resources {
  const { requests, limits, ...claims } = asked('teacher', template);
  if (resource === undefined) return { requests, limits, ...claims };
  const slots = { [resource]: String(slotsPerReplica) };
  return { requests: { ...requests, ...slots }, limits: { ...limits, ...slots }, ...claims };
}

export function studentResources({ spec }: DistillJob): Resources {
  return asked('student', spec.student.template);
}

function asked(role: PodRole, template: PodOverlay): Resources {
  const own = defaults[role];
  const [worker] = template.spec?.containers ?? [];
  const limits = texts(worker?.resources?.limits);
  const requests = texts(worker?.resources?.requests);
  const devices = Object.fromEntries(Object.entries(requests).filter(([name]) => name.includes('/')));
  // A limit without a request is also the request, as in the API server.
  const allRequests = { ...own.requests, ...limits, ...requests };
  const claims = worker?.resources?.claims;
  return {
    requests: allRequests,
    limits: { ...raised(own.limits, allRequests), ...devices, ...limits },
    ...(claims === undefined ? {} : { claims }),
  };
}

/** Our limits, or the job's requests where they are higher. */
function raised(limits: Resources['limits'], requests: Resources['requests']): Resources['limits'] {
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => {
      const request = requests[name];
      const isMore = request !== undefined && milliAmount(request) > milliAmount(limit);
      return [name, isMore ? request : limit];
    }),
  );
}

function texts(quantities: Quantities = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, String(quantity)]));
}

/** The resources that one teacher's pod requests, as the ledger counts them. */
export function podNeeds(pool: TeacherPool): PodNeeds {
  const { requests } = teacherResources(pool);
  const { nodeSelector = {}, affinity = {}, tolerations = [] } = (pool.template as PodOverlay).spec ?? {};
  const { nodeAffinity } = affinity as { readonly nodeAffinity?: NodeAffinity };
  return {
    requests: amountsOf(requests),
    nodeSelector,
    requiredTerms: nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? null,
    tolerations: tolerations,
  };
}

/** The ResourceClaims of a pool's teachers: each is made from a template (api/template). */
export function claimsOf({ template }: TeacherPool): readonly { readonly template: string; readonly claim: null }[] {
  const { resourceClaims = [] } = (template as PodOverlay).spec ?? {};
  return resourceClaims.map((claim) => ({ template: claim.resourceClaimTemplateName, claim: null }));
}

interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms: PodNeeds['requiredTerms'] & object;
  };
}
