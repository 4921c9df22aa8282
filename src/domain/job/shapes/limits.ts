/**
 * The administrator's limits for one job, and what happens to a job that asks for more (docs/adr/0015). Pure.
 *
 * Invariants:
 *  limits/A1 A weight, a minimum or a time to live above its limit counts as the limit, and the job's status says so: these
 *     values only decide who comes first and how long a finished job stays.
 *  limits/A2 More bytes than the limit are refused, because NATS reserves them at once. A job that was accepted before keeps
 *     them.
 *  limits/A3 A new limit deletes no job that has ended: its time to live is cut only if its status said so before.
 */
import { conditions, type DistillJob, QuantityError, quantityValue } from '../../../api/index.js';
import { conditionIn, endIn } from './status-reader.js';

/** One limit: by name of a namespace, and for all others; null = only the limit of the API. */
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

/** What the limits did to a job, as texts. */
export interface Limited {
  /** One sentence for each value that was cut. */
  readonly notes: readonly string[];
  /** Why the job is refused; null when it is not. */
  readonly refusal: string | null;
}

const namespacePart = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(\S+)$/;

/**
 * Reads `10,team-a=100`: one number for all namespaces that are not named, and one for each that is. Amounts may have a suffix
 * such as `Gi`. Empty = no limit.
 * @returns null for an invalid text, or one that sets a limit twice
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

/** Reads `team-a=3,team-b=2`. @returns null for an invalid text */
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

interface LimitedJob {
  readonly job: DistillJob;
  readonly limited: Limited;
}

/** @returns the job with its values cut to the limits, and the texts about it; the same object where nothing is cut */
export function withinLimits(job: DistillJob, limits: Limits): LimitedJob {
  const cut = cutToLimits(job, limits);
  const isTtlCut = cut.job.spec.ttlSecondsAfterFinished < job.spec.ttlSecondsAfterFinished;
  // limits/A3.
  const keepsTtl = isTtlCut && endIn(job.status) !== undefined && !isReported(job, cut.limited);
  return keepsTtl ? cutToLimits(job, { ...limits, ttlSeconds: none }) : cut;
}

function isReported({ status }: DistillJob, { notes }: Limited): boolean {
  const { type, message } = conditions.accepted.valid(notes);
  return conditionIn(status, type)?.message === message;
}

function cutToLimits(job: DistillJob, limits: Limits): LimitedJob {
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
  // The first pools, which are the cheapest, keep their minimums.
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

/** As a job would write it: `2Gi`, or plain bytes where no suffix is exact. */
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
