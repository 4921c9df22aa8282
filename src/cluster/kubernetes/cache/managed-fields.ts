/**
 * Who holds which fields of an object, as far as our own writes go: what we create is held by an "Update" of ours until it
 * is made an "Apply" (writer.ts). Pure.
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

/** @returns all entries while one of them is a create of ours; null = none is */
export function unclaimedIn(metadata: StoredMetadata): readonly FieldsOwner[] | null {
  const { managedFields = [] } = metadata as { readonly managedFields?: readonly FieldsOwner[] };
  return managedFields.some(isOurCreation) ? managedFields : null;
}

/** The same entries, with what we created as if we had applied it. */
export function claimed(owners: readonly FieldsOwner[]): FieldsOwner[] {
  return owners.map((owner) => (isOurCreation(owner) ? { ...owner, operation: 'Apply' } : owner));
}

function isOurCreation({ manager, operation, subresource = '' }: FieldsOwner): boolean {
  return manager === fieldManager && operation === 'Update' && subresource === '';
}
