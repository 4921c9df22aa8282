/**
 * What the share is made from and what it gives: plain data, but for the board. `Needs` is whatever the board places: the
 * ledger's PodNeeds in the operator, less in a simulation. One kind of pod should always come as the same object, so that
 * a board may know it again.
 */

/**
 * A draft of the cluster's account on which placements are tried. Every method is amortised O(1) on a good one, many
 * releases in a row included, and the same calls give the same answers: nodes are tried in a fixed order, whatever order
 * they were told in. A node that it does not know has room for nothing, and nothing is booked on it or taken off.
 */
export interface Board<Needs> {
  /** Books one more pod on some node that holds it; null = no node does. */
  place(needs: Needs): string | null;
  /** Books a pod on a node if it may run there and has room; false = it has not, and nothing is booked. */
  placeOn(node: string, needs: Needs): boolean;
  /** Books a pod on a node, room or not: it is there. */
  take(node: string, needs: Needs): void;
  /** Takes a booked pod off. */
  release(node: string, needs: Needs): void;
  /** A copy that goes its own way. */
  fork(): Board<Needs>;
}

/** One teacher that runs or starts, and was not told to go. */
export interface Teacher<Needs> {
  readonly name: string;
  /** null until it is bound. */
  readonly node: string | null;
  /** What it is booked with: that of its pool, unless the pool was changed since. */
  readonly needs: Needs;
  readonly ready: boolean;
  /** Slots of its pool's resource that pods of others hold on its node. */
  readonly besideOthers: number;
  /** Its measured rate; 0 while none is known. */
  readonly samplesPerSecond: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

export interface PoolClaim<Needs> {
  readonly name: string;
  readonly needs: Needs;
  /** What a slot is: `nvidia.com/gpu`, or `cpu`. */
  readonly resource: string;
  readonly slotsPerReplica: number;
  /** Served before any job of the namespace gets more, out of what the namespace is due. */
  readonly minReplicas: number;
  /** Wanted in this very pool whatever the others give: teachers that have not run for long, or all while a pool is held. */
  readonly keepReplicas: number;
  readonly maxReplicas: number;
  /** What one teacher gives towards `wanted` of the job, above 0. */
  readonly unitsPerReplica: number;
  readonly teachers: readonly Teacher<Needs>[];
}

export interface JobClaim<Needs> {
  readonly uid: string;
  /** Shares are made between namespaces first. */
  readonly namespace: string;
  /** Share against other jobs of the namespace; 0 = only what none of them wants. */
  readonly weight: number;
  /** What all pools shall give together, in the unit of `unitsPerReplica`: samples a second, or teachers. */
  readonly wanted: number;
  /** … of which so much keeps the student fed, and comes before what others want beyond theirs. Absent = all of it. */
  readonly least?: number;
  /**
   * Replicas by pool that would keep the student fed if there were room for all, whatever is there by now: what people are
   * told. Absent = those that are wanted.
   */
  readonly needed?: readonly number[];
  /** Over all pools, minimums excepted. */
  readonly maxReplicas: number;
  /** Cheapest first. */
  readonly pools: readonly PoolClaim<Needs>[];
}

/** A Pending pod of higher priority than teachers. */
export interface NeighbourClaim<Needs> {
  readonly uid: string;
  readonly needs: Needs;
  readonly priority: number;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** What it takes of each resource. */
  readonly slots: Readonly<Record<string, number>>;
}

/** A teacher that was told to go and is not gone: its slots are coming, and are not free yet (DESIGN I5). */
export interface LeavingTeacher<Needs> {
  readonly node: string;
  readonly needs: Needs;
  readonly resource: string;
  readonly slots: number;
}

export interface ResourceSupply {
  /** Slots that teachers and waiting neighbours could have if no teacher were there. */
  readonly freeSlots: number;
  /** Slots that stay free after all grants. */
  readonly reserveSlots: number;
}

/** Above 0, by name. */
export type NamespaceWeights = Readonly<Record<string, number>>;

export interface ShareInput<Needs> {
  readonly jobs: readonly JobClaim<Needs>[];
  readonly neighbours: readonly NeighbourClaim<Needs>[];
  readonly leaving: readonly LeavingTeacher<Needs>[];
  /** Share of a namespace against the others; 1 for one that is not named. */
  readonly namespaceWeights?: NamespaceWeights;
  /** A resource that is not named has no reserve. */
  readonly supply: Readonly<Record<string, ResourceSupply>>;
  /** As the cluster is: with every bound pod on it, teachers included. It is left as it was. */
  readonly board: Board<Needs>;
}

/** What one pool gets. */
export interface Grant {
  readonly pool: string;
  /** What to tell the pool now. */
  readonly replicas: number;
  /** … and once the slots that are being given back are free. */
  readonly due: number;
  /** Slots of `due`. */
  readonly slots: number;
  /** Teachers that have to go, the first first. */
  readonly leave: readonly string[];
  readonly why: GrantReason;
}

/** The numbers behind a grant, in slots of the pool's resource unless they say otherwise. */
export interface GrantReason {
  /** Replicas that the pool would have if there were room for all. */
  readonly wanted: number;
  /** For teachers of all jobs, neighbours and reserve taken off; null = nobody counted. */
  readonly free: number | null;
  readonly heldBack: number;
  readonly neighbours: number;
  readonly otherJobs: number;
  /** Of these, in other namespaces. */
  readonly otherNamespaces: number;
  /** Of all pools of this job. */
  readonly ownJob: number;
  /** What the next replica failed at: Share = the job has all that is wanted, or others had as good a right. */
  readonly stoppedBy: Stop | null;
}

/** Nodes: none holds one more, for whatever resource. */
export type Stop = 'Reserve' | 'Nodes';

export interface Share {
  /** By uid of the job, in the order of its pools. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
  /** Where each neighbour is expected, by uid; null = nowhere, even without any teacher. */
  readonly neighbours: ReadonlyMap<string, string | null>;
}
