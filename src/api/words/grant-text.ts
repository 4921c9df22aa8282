/** Why a pool has its number of teachers, in words (I8). */
import { count } from '@distillery/base';

/** What one pool gets, and the numbers behind it. */
export interface GrantFigures {
  readonly pool: string;
  /** Replicas that the pool may have now. */
  readonly replicas: number;
  /** Replicas once the slots of leaving pods are free. */
  readonly due: number;
  /** Slots of `due`. */
  readonly slots: number;
  /** Teachers that must leave, in the order of their leaving. */
  readonly leave: readonly string[];
  readonly why: GrantReason;
}

/** In slots of the pool's resource, except where noted. */
export interface GrantReason {
  /** Replicas that the pool would have if there were room for all. */
  readonly wanted: number;
  /** Slots for teachers of all jobs, less those for pending pods and the reserve; null = unknown. */
  readonly free: number | null;
  readonly heldBack: number;
  readonly pendingPods: number;
  readonly otherJobs: number;
  /** The part of `otherJobs` in other namespaces. */
  readonly otherNamespaces: number;
  /** Over all pools of this job. */
  readonly ownJob: number;
  /** Why the next replica was not granted; null = the job has all that it wants, or other jobs have precedence. */
  readonly stoppedBy: 'Reserve' | 'Nodes' | null;
}

/** Why a pool has its number of teachers (I8): `6 of 16: 6 free slots, 2 held back by reserve`. */
export function grantText({ replicas, due, slots, leave, why }: GrantFigures): string {
  if (why.wanted === 0 && replicas === 0) return 'none wanted';
  const parts: string[] = [];
  const missing = due < why.wanted;
  if (missing) {
    parts.push(count(slots, 'free slot'));
    if (why.heldBack > 0) parts.push(`${String(why.heldBack)} held back by reserve`);
    if (why.pendingPods > 0) parts.push(`${String(why.pendingPods)} for waiting pods of higher priority`);
    if (why.otherJobs > 0) parts.push(sharedText(why));
    if (why.stoppedBy === 'Nodes' && (why.free ?? 0) > why.otherJobs + why.ownJob) parts.push('no node holds one more');
  }
  if (replicas < due) parts.push(`${String(due - replicas)} more when their slots are free`);
  if (leave.length > 0) parts.push(`${String(leave.length)} on the way out`);
  const all = `${String(replicas)} of ${String(why.wanted)}`;
  return parts.length === 0 ? `${all}: all that are wanted` : `${all}: ${parts.join(', ')}`;
}

/** The same for all pools of a job; several pools with their names, without those that neither want nor have any. */
export function grantsText(grants: readonly GrantFigures[]): string {
  const [only] = grants;
  if (only !== undefined && grants.length === 1) return grantText(only);
  const shown = grants.filter(({ replicas, due, why }) => replicas + due + why.wanted > 0);
  return shown.length === 0 ? 'none wanted' : shown.map((grant) => `${grant.pool} ${grantText(grant)}`).join('; ');
}

function sharedText({ otherJobs, otherNamespaces }: GrantReason): string {
  const shared = `${String(otherJobs)} shared with other`;
  if (otherNamespaces === 0) return `${shared} jobs`;
  if (otherNamespaces === otherJobs) return `${shared} namespaces`;
  return `${shared} jobs, ${String(otherNamespaces)} of them in other namespaces`;
}
