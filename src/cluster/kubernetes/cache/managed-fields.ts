/**
 * Which manager owns which fields of an object, as far as our own writes go: a create makes an "Update" entry of ours,
 * which the writer turns into an "Apply" entry (object-writer.ts). Pure.
 */
import { fieldManager } from '../../../api/index.js';

import type { StoredMetadata } from '../api/index.js';

/** An entry of metadata.managedFields. */
export interface FieldsOwner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
  readonly [field: string]: unknown;
}

/** @returns all entries if one of them is from a create of ours; null otherwise */
export function unclaimedIn(metadata: StoredMetadata): readonly FieldsOwner[] | null {
  const { managedFields = [] } = metadata as { readonly managedFields?: readonly FieldsOwner[] };
  return managedFields.some(isOurCreation) ? managedFields : null;
}

/** The same entries, with the one from our create turned into an apply. */
export function claimed(owners: readonly FieldsOwner[]): FieldsOwner[] {
  return owners.map((owner) => (isOurCreation(owner) ? { ...owner, operation: 'Apply' } : owner));
}

function isOurCreation({ manager, operation, subresource = '' }: FieldsOwner): boolean {
  return manager === fieldManager && operation === 'Update' && subresource === '';
}
