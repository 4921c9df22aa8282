/** Why a pool has as many teachers as it has, in words (DESIGN I8). Pure. */
import type { Grant, GrantReason } from './types.js';

/**
 * `6 of 16: 6 free slots, 2 held back by reserve`. One sentence for several pools: each by its name, without those that
 * neither want nor have any.
 */
export function sentenceOf(grants: Grant | readonly Grant[]): string {
  const pools = [grants].flat();
  const [only] = pools;
  if (only !== undefined && pools.length === 1) return reasonOf(only);
  const told = pools.filter(({ replicas, due, why }) => replicas + due + why.wanted > 0);
  return told.length === 0 ? 'none wanted' : told.map((grant) => `${grant.pool} ${reasonOf(grant)}`).join('; ');
}

function reasonOf({ replicas, due, slots, leave, why }: Grant): string {
  if (why.wanted === 0 && replicas === 0) return 'none wanted';
  const parts: string[] = [];
  const missing = due < why.wanted;
  if (missing) {
    parts.push(count(slots, 'free slot'));
    if (why.heldBack > 0) parts.push(`${String(why.heldBack)} held back by reserve`);
    if (why.neighbours > 0) parts.push(`${String(why.neighbours)} for waiting pods of higher priority`);
    if (why.otherJobs > 0) parts.push(sharedWith(why));
    if (why.stoppedBy === 'Nodes' && (why.free ?? 0) > why.otherJobs + why.ownJob) parts.push('no node holds one more');
  }
  if (replicas < due) parts.push(`${String(due - replicas)} more when their slots are free`);
  if (leave.length > 0) parts.push(`${String(leave.length)} on the way out`);
  const all = `${String(replicas)} of ${String(why.wanted)}`;
  return parts.length === 0 ? `${all}: all that are wanted` : `${all}: ${parts.join(', ')}`;
}

function sharedWith({ otherJobs, otherNamespaces }: GrantReason): string {
  const shared = `${String(otherJobs)} shared with other`;
  if (otherNamespaces === 0) return `${shared} jobs`;
  if (otherNamespaces === otherJobs) return `${shared} namespaces`;
  return `${shared} jobs, ${String(otherNamespaces)} of them in other namespaces`;
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${String(number)} ${noun}s`;
}
