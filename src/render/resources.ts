/**
 * What a worker's container asks of a node. The defaults are for models of the size that our runtimes are made for: MNIST
 * workers hold about 250 MiB and keep one core busy. A job with other needs says so in its template.
 *
 * Invariants:
 *  render/resources/R1 What the job asks for stands, and its slots are exactly those that its pool names.
 *  render/resources/R2 Every resource that is limited is requested, no request is above its limit, devices are requested and
 *     limited alike.
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
}

/**
 * No limit of the CPU: a teacher that is throttled in the middle of an item answers late, and idle cores help everybody.
 * A limit of the memory: a leak ends the worker, which its job survives, and not its neighbors.
 */
const defaults: Readonly<Record<PodRole, Resources>> = {
  teacher: { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } },
  student: { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '4Gi' } },
};

export function teacherResources({ resource, slotsPerReplica, template }: TeacherPool): Resources {
  const { requests, limits } = asked('teacher', template);
  if (resource === undefined) return { requests, limits };
  const slots = { [resource]: String(slotsPerReplica) };
  return { requests: { ...requests, ...slots }, limits: { ...limits, ...slots } };
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
  // A limit alone is the request as well, as at the API server.
  const allRequests = { ...own.requests, ...limits, ...requests };
  return { requests: allRequests, limits: { ...raised(own.limits, allRequests), ...devices, ...limits } };
}

/** Our limits, or the requests where the job asks for more. */
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

/** What one teacher's pod asks of a node, as the ledger counts. */
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

interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: {
    readonly nodeSelectorTerms: PodNeeds['requiredTerms'] & object;
  };
}
