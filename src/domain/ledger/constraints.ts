/** Whether a pod may run on a node, resources aside: selectors, required affinity and taints, as the scheduler judges. Pure. */

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
  /** For NoExecute: how long a running pod stays. Scheduling ignores it. */
  readonly tolerationSeconds?: number;
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

/** Where a pod may run. */
export interface SchedulingConstraints {
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** requiredDuringSchedulingIgnoredDuringExecution: one of the terms must match; null = anywhere. */
  readonly requiredTerms: readonly NodeSelectorTerm[] | null;
  readonly tolerations: readonly Toleration[];
}

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Ready, not cordoned, not being deleted, and without a notice that it leaves soon (notices.ts). */
  readonly takesPods: boolean;
}

export function isSchedulable(constraints: SchedulingConstraints, node: NodeFacts): boolean {
  return judgeOf(constraints)(node);
}

/** A test for many nodes: it reads the constraints once. */
export function judgeOf({
  nodeSelector,
  requiredTerms,
  tolerations,
}: SchedulingConstraints): (node: NodeFacts) => boolean {
  const selected = Object.entries(nodeSelector);
  return ({ name, labels, taints, takesPods }) => {
    if (!takesPods) return false;
    for (const [key, value] of selected) if (labels[key] !== value) return false;
    if (requiredTerms?.some((term) => matches(term, name, labels)) === false) return false;
    return taints.every((taint) => taint.effect === 'PreferNoSchedule' || tolerated(taint, tolerations));
  };
}

function matches(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  name: string,
  labels: NodeFacts['labels'],
): boolean {
  // An empty term matches nothing.
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((requirement) => holds(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) => holds(requirement, requirement.key === 'metadata.name' ? name : undefined))
  );
}

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compare(value, values[0]) > 0;
    case 'Lt':
      return compare(value, values[0]) < 0;
    default:
      return false;
  }
}

const wholeNumber = /^[+-]?\d+$/;

/** Compares as numbers: below 0, 0 or above; NaN, which matches neither Gt nor Lt, when one is not a whole number. */
function compare(value: string | undefined, than: string | undefined): number {
  const [one, other] = [integerOf(value), integerOf(than)];
  if (one === null || other === null) return NaN;
  return one === other ? 0 : one > other ? 1 : -1;
}

/** A 64-bit integer as strconv.ParseInt reads it; null for any other text. */
function integerOf(text: string | undefined): bigint | null {
  if (text === undefined || !wholeNumber.test(text)) return null;
  const integer = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, integer) === integer ? integer : null;
}

function tolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(({ key, operator = 'Equal', value = '', effect }) => {
    if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
    if (key === undefined || key === '') return operator === 'Exists';
    if (key !== taint.key) return false;
    if (operator === 'Exists') return true;
    // An operator that a later Kubernetes may add tolerates nothing here.
    return (operator === 'Equal' || operator === '') && value === (taint.value ?? '');
  });
}
