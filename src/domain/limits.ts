/**
 * What an administrator lets one job ask for, and what becomes of a job that asks for more (docs/adr/0015). Pure.
 *
 * Invariants:
 *  A1 A weight, a minimum or a time to live above its limit counts as the limit, and the job says so: these only decide
 *     who comes first and how long a finished job stays.
 *  A2 More bytes than the limit are refused, since NATS sets them aside at once; a job that was accepted before keeps them.
 *  A3 A new limit deletes no job that has ended: its time to live is cut only if the job has said so before.
 */
import { conditions, type DistillJob, QuantityError, quantityValue } from '../api/index.js';

/** One limit: for a namespace by its name, for all others together; null = none but that of the API. */
export interface LimitSetting {
  readonly others: number | null;
  readonly namespaces: Readonly<Record<string, number>>;
}

export interface Limits {
  readonly weight: LimitSetting;
  /** Teachers, over all pools of a job. */
  readonly minReplicas: LimitSetting;
  readonly logitsBytes: LimitSetting;
  readonly ttlSeconds: LimitSetting;
}

const none: LimitSetting = { others: null, namespaces: {} };
export const noLimits: Limits = { weight: none, minReplicas: none, logitsBytes: none, ttlSeconds: none };

/** What the limits make of a job: texts for people. */
export interface Limited {
  /** What counts as less than the job says, a sentence each. */
  readonly notes: readonly string[];
  /** Why the job is not taken; null when it is. */
  readonly refusal: string | null;
}

const namespacePart = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(\S+)$/;

/**
 * Reads `10,team-a=100`: a number for every namespace that is not named, and one each for those that are. Amounts may have a
 * suffix such as `Gi`. Empty = no limit.
 * @returns null for a text that says something else, or says something twice
 */
export function parseLimit(text: string, least: number, most: number): LimitSetting | null {
  const namespaces = new Map<string, number>();
  let others: number | null = null;
  for (const part of text.split(',').map((one) => one.trim())) {
    if (part === '') continue;
    const [, namespace, amount = part] = namespacePart.exec(part) ?? [];
    const value = amountIn(amount);
    if (value === null || value < least || value > most) return null;
    if (namespace === undefined ? others !== null : namespaces.has(namespace)) return null;
    if (namespace === undefined) others = value;
    else namespaces.set(namespace, value);
  }
  return { others, namespaces: Object.fromEntries(namespaces) };
}

/** Reads `team-a=3,team-b=2`. @returns null for a text that says something else */
export function parseNamespaceWeights(text: string): Readonly<Record<string, number>> | null {
  const weights = parseLimit(text, 1, 1_000);
  return weights?.others === null ? weights.namespaces : null;
}

function amountIn(text: string): number | null {
  try {
    return quantityValue(text);
  } catch (error) {
    if (error instanceof QuantityError) return null;
    throw error;
  }
}

/** Infinity = no limit. */
export function limitFor({ others, namespaces }: LimitSetting, namespace: string): number {
  return (Object.hasOwn(namespaces, namespace) ? namespaces[namespace] : others) ?? Infinity;
}

interface Counted {
  readonly job: DistillJob;
  readonly limited: Limited;
}

/** @returns the job as it counts, and what to say of it; the same job where nothing is limited */
export function withinLimits(job: DistillJob, limits: Limits): Counted {
  const counted = countedWithin(job, limits);
  const isCut = counted.job.spec.ttlSecondsAfterFinished < job.spec.ttlSecondsAfterFinished;
  return isCut && isOver(job) && !hasSaid(job, counted.limited)
    ? countedWithin(job, { ...limits, ttlSeconds: none })
    : counted;
}

function isOver({ status }: DistillJob): boolean {
  return status?.conditions?.some(({ type, status: value }) => isEnd(type) && value === 'True') === true;
}

function isEnd(type: string): boolean {
  return type === 'Complete' || type === 'Failed';
}

function hasSaid({ status }: DistillJob, { notes }: Limited): boolean {
  const { type, message } = conditions.accepted.valid(notes);
  return status?.conditions?.some((condition) => condition.type === type && condition.message === message) === true;
}

function countedWithin(job: DistillJob, limits: Limits): Counted {
  const { spec } = job;
  const namespace = job.metadata.namespace ?? '';
  const notes: string[] = [];
  const atMost = (field: string, value: number, limit: LimitSetting): number => {
    const most = limitFor(limit, namespace);
    if (value > most) notes.push(`${field}: ${String(value)} counts as ${String(most)}.`);
    return Math.min(value, most);
  };
  const weight = atMost('spec.weight', spec.weight, limits.weight);
  const asked = spec.teacher.pools.reduce((sum, { minReplicas }) => sum + minReplicas, 0);
  let left = atMost('minReplicas of all pools together', asked, limits.minReplicas);
  const ttlSecondsAfterFinished = atMost(
    'spec.ttlSecondsAfterFinished',
    spec.ttlSecondsAfterFinished,
    limits.ttlSeconds,
  );
  const limited: Limited = { notes, refusal: refusalOf(spec.logits, limitFor(limits.logitsBytes, namespace)) };
  if (notes.length === 0) return { job, limited };
  // The cheapest pools, which come first, keep their minimums.
  const pools = spec.teacher.pools.map((pool) => {
    const minReplicas = Math.min(pool.minReplicas, left);
    left -= minReplicas;
    return minReplicas === pool.minReplicas ? pool : { ...pool, minReplicas };
  });
  const teacher = { ...spec.teacher, pools };
  return { job: { ...job, spec: { ...spec, weight, ttlSecondsAfterFinished, teacher } }, limited };
}

function refusalOf({ maxBytes }: DistillJob['spec']['logits'], most: number): string | null {
  if (quantityValue(maxBytes) <= most) return null;
  return (
    `spec.logits.maxBytes: found ${String(maxBytes)}, but a job of this namespace may have at most ${bytesText(most)}; ` +
    'lower it, or ask the administrator to raise the limit'
  );
}

/** As a job would name it: `2Gi`, or bytes where no suffix is exact. */
function bytesText(bytes: number): string {
  const units = [
    [2 ** 40, 'Ti'],
    [2 ** 30, 'Gi'],
    [2 ** 20, 'Mi'],
    [2 ** 10, 'Ki'],
  ] as const;
  const [size, unit] = units.find(([one]) => bytes >= one && bytes % one === 0) ?? [1, ''];
  return `${String(bytes / size)}${unit}`;
}
