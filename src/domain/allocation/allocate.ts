/**
 * How many teachers each pool of each job gets (design §5.4), over all jobs at once. Pure; read it from top to bottom:
 * pending pods → quota → fair numbers in turns → victims and assignments → who may start now → grants.
 *
 * Invariants:
 *  allocate/S1 Pending pods of higher priority come first: no teacher takes a place that one of them waits for, and the
 *     reserve takes nothing from them.
 *  allocate/S2 Running is no right to stay: fair numbers are those of a cluster without teachers.
 *  allocate/S3 Teachers that stay keep their nodes. One must leave only for a pending pod, for the share of another job, for
 *     the reserve, or because its job wants less of its pool: never for room that no other pod can use.
 *  allocate/S4 Work conserving: beyond the reserve, no slot stays idle that a wanted replica fits.
 *  allocate/S5 No pool gets a teacher before there is room: slots of leaving teachers are not free until these are gone
 *     (I5).
 *  allocate/S6 Namespaces share first, then the jobs within each (fill.ts).
 *  allocate/S7 The order of jobs, pending pods and teachers in the input changes nothing.
 */
import { admit, type Admitted } from './admit.js';
import { assign, type AssignedPool, fairShares } from './assign.js';
import { wantedReplicas } from './fill.js';
import { nominate } from './nominate.js';
import { addSlots, pendingPodSlots, quotaBeyond, type Slots, slotsWithTeachers } from './quota.js';
import { compareText } from './queue.js';
import type { JobFilling } from './turns.js';
import type { Allocation, AllocationInput, Grant } from './types.js';
import { inVictimOrder, victimOrder } from './victims.js';

export function allocate<Needs>(input: AllocationInput<Needs>): Allocation {
  const { pendingPods, leaving, namespaceWeights: weights = {}, placement: current } = input;
  const jobs = [...input.jobs].sort((a, b) => compareText(a.uid, b.uid));

  // 1. Pending pods get their nodes first.
  const nominations = nominate(pendingPods, current, leaving, jobs);
  const { stages, nodes, reclaimed } = nominations;

  // 2. Quota: what is left for teachers in the end, and what is left now, while others are still leaving.
  const pending = pendingPodSlots(input, nodes);
  const quota = quotaBeyond(pending, input);
  const quotaNow = quotaBeyond(slotsWithTeachers(pending, input), input);

  // 3. Order: fair numbers, one replica after the other, on a cluster without teachers.
  const ground = { weights, empty: stages.empty, quota };
  const fair = fairShares(jobs, ground);

  // 4. Victims and assignments: who stays, who leaves, and where new teachers are expected.
  const assignment = assign(fair, victimOrder(reclaimed), ground);

  // 5. Admission: which of the new teachers may start now.
  const admitted = admit(assignment, current, nominations, quotaNow);

  // 6. Grants, with the numbers behind them.
  const grants = grantsOf(assignment.jobs, admitted, { supply: input.supply, pending, reclaimed });
  return { grants, nominations: nodes };
}

interface GrantFacts {
  readonly supply: AllocationInput<unknown>['supply'];
  /** Slots of pending pods. */
  readonly pending: Slots;
  /** Nodes where teachers must leave. */
  readonly reclaimed: ReadonlySet<string>;
}

type AssignedJob<Needs> = JobFilling<Needs, AssignedPool<Needs>>;

function grantsOf<Needs>(
  jobs: readonly AssignedJob<Needs>[],
  admitted: Admitted<Needs>,
  { supply, pending, reclaimed }: GrantFacts,
): Map<string, Grant[]> {
  const all = slotsIn(jobs);
  const byNamespace = new Map(
    [...Map.groupBy(jobs, ({ request }) => request.namespace)].map(([name, some]) => [name, slotsIn(some)]),
  );
  const grantOf = (job: AssignedJob<Needs>, own: Slots, pool: AssignedPool<Needs>, wanted: number): Grant => {
    const { name, resource, slotsPerReplica } = pool.request;
    const starting = admitted.get(pool) ?? 0;
    const { freeSlots, reserveSlots = 0 } = supply[resource] ?? {};
    const pendingPods = pending.get(resource) ?? 0;
    const ownJob = own.get(resource) ?? 0;
    const allJobs = all.get(resource) ?? 0;
    return {
      pool: name,
      replicas: pool.stay.size + starting,
      due: pool.replicas,
      slots: pool.replicas * slotsPerReplica,
      leave: leavingOf(pool, starting, reclaimed),
      why: {
        // A pool may get what another one cannot.
        wanted: Math.max(wanted, pool.replicas),
        free: freeSlots === undefined ? null : Math.max(0, freeSlots - pendingPods - reserveSlots),
        heldBack: reserveSlots,
        pendingPods,
        otherJobs: allJobs - ownJob,
        otherNamespaces: allJobs - (byNamespace.get(job.request.namespace)?.get(resource) ?? 0),
        ownJob,
        stoppedBy: pool.stoppedBy,
      },
    };
  };
  return new Map(
    jobs.map((job) => {
      const wanted = job.request.needed ?? wantedReplicas(job.request);
      const own = slotsIn([job]);
      return [job.request.uid, job.pools.map((pool, index) => grantOf(job, own, pool, wanted[index] ?? 0))];
    }),
  );
}

/** Names of the teachers that must leave, the first first. @param starting number of new teachers */
function leavingOf<Needs>(
  { request, stay }: AssignedPool<Needs>,
  starting: number,
  reclaimed: ReadonlySet<string>,
): string[] {
  const victims = inVictimOrder(
    request.teachers.filter((teacher) => !stay.has(teacher)),
    reclaimed,
  );
  // Teachers that already wait for a node count as the new ones: the oldest first.
  const spared = new Set(
    victims
      .toReversed()
      .filter(({ node }) => node === null)
      .slice(0, starting),
  );
  return victims.filter((teacher) => !spared.has(teacher)).map(({ name }) => name);
}

function slotsIn<Needs>(jobs: readonly AssignedJob<Needs>[]): Slots {
  const sums = new Map<string, number>();
  for (const { pools } of jobs) {
    for (const { request, replicas } of pools) addSlots(sums, request.resource, replicas * request.slotsPerReplica);
  }
  return sums;
}
