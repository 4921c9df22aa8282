/**
 * What the operator keeps of Kueue's Workloads: which object each is for, whether it may run, and why it waits. Pure.
 */
import { fieldManager } from '../../../api/index.js';

import { controllerOf } from './ownership.js';
import { hasCondition, longestMessage, type RawCondition, type RawObject } from './views.js';

export interface RawWorkload extends RawObject {
  readonly spec?: { readonly active?: boolean };
  readonly status?: { readonly conditions?: readonly RawCondition[] };
}

export interface WorkloadView {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Uid and name of the Job or pod that it is for. */
  readonly ownerUid: string;
  readonly ownerName: string;
  readonly active: boolean;
  /** Our apply owns `spec.active`: this job's spec.suspend stopped it. */
  readonly stoppedByUs: boolean;
  /** Why it does not run, in Kueue's words; empty when it runs, or when Kueue has said nothing yet. */
  readonly message: string;
}

/** @returns null for Workloads of other kinds than Job and Pod */
export function workloadView(raw: RawWorkload): WorkloadView | null {
  const { metadata, spec, status } = raw;
  const owner = controllerOf(metadata);
  if (owner === null || (owner.kind !== 'Job' && owner.kind !== 'Pod')) return null;
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    ownerUid: owner.uid,
    ownerName: owner.name,
    active: spec?.active !== false,
    stoppedByUs: ownsActive(metadata as { readonly managedFields?: readonly FieldsEntry[] }),
    message: waitsBecause(status?.conditions ?? []),
  };
}

interface FieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly fieldsV1?: { readonly 'f:spec'?: Readonly<Record<string, unknown>> };
}

function ownsActive({ managedFields = [] }: { readonly managedFields?: readonly FieldsEntry[] }): boolean {
  return managedFields.some(
    ({ manager, operation, fieldsV1 }) =>
      manager === fieldManager && operation === 'Apply' && fieldsV1?.['f:spec']?.['f:active'] !== undefined,
  );
}

/** The eviction, if it was evicted, and what stands against a new admission. */
function waitsBecause(conditions: readonly RawCondition[]): string {
  if (hasCondition(conditions, 'Admitted')) return '';
  if (hasCondition(conditions, 'QuotaReserved')) return 'its quota is reserved; admission checks are pending';
  const evicted = conditions.find(({ type, status }) => type === 'Evicted' && status === 'True')?.message ?? '';
  const quota = conditions.find(({ type, status }) => type === 'QuotaReserved' && status === 'False')?.message ?? '';
  const parts = [evicted, quota].filter((part, at, all) => part !== '' && all.indexOf(part) === at);
  return parts.join('; ').slice(0, longestMessage);
}
