/**
 * Which teachers of a pool go when some have to. Pure.
 *
 * A ReplicaSet asks for the deletion cost only among pods that are alike otherwise (kubernetes/kubernetes
 * pkg/controller/controller_utils.go, ActivePodsWithRanks): pods without a node go before those with one, Pending before
 * running, not ready before ready. The order here agrees with it but for a node that a neighbour needs: while a pool has
 * teachers that are not ready elsewhere, those are lost first, and the neighbour is served by a later decision.
 */
import { compareText } from './order.js';
import type { Teacher } from './types.js';

type Candidate = Omit<Teacher<unknown>, 'needs'>;

/**
 * In the order in which they should go: those on a node that others need, then those without a node, not ready, beside the
 * most slots of others (so that what is given back makes whole nodes of neighbours and whole nodes of teachers, instead of
 * fragments: docs/adr/0012), of the lowest measured rate, and the youngest, which have the least to lose. The name decides
 * at last.
 */
export function inOrderOfLeaving<Pod extends Candidate>(pods: readonly Pod[], needed: ReadonlySet<string>): Pod[] {
  const isNeeded = ({ node }: Pod): boolean => needed.size > 0 && node !== null && needed.has(node);
  return [...pods].sort(
    (a, b) =>
      Number(isNeeded(b)) - Number(isNeeded(a)) ||
      Number(b.node === null) - Number(a.node === null) ||
      Number(a.ready) - Number(b.ready) ||
      b.besideOthers - a.besideOthers ||
      a.samplesPerSecond - b.samplesPerSecond ||
      b.createdAtMs - a.createdAtMs ||
      compareText(a.name, b.name),
  );
}
