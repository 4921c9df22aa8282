/**
 * Writes the objects of a job, and never touches an object that is not the job's.
 *
 * Invariants:
 *  writer/S1 What is not known to be there is created, never applied: a create fails where something has the name.
 *  writer/S2 What is known to be there is applied to its uid: should another have taken the name meanwhile, the API
 *     server refuses.
 *  writer/S3 ConfigMaps and Secrets are created and replaced, never patched or read: a right to patch a Secret is a
 *     right to read it, since the answer to an empty patch is the whole Secret. Their names hold the job's uid instead
 *     (api `inputsName`).
 */
import type { KubernetesObject } from '../../render/index.js';
import type { JobKey } from '../index.js';

import type { ApiClient } from './client.js';
import { ApiError } from './errors.js';
import { kindOf } from './kinds.js';
import { claimed, type FieldsOwner } from './managed-fields.js';
import type { StoredObject } from './object.js';
import { identityOf } from './ownership.js';
import { NameTakenError, refusedOr } from './refusal.js';
import { deploymentView, type OwnedView, ownedView, type RawDeployment } from './views.js';

type WritingClient = Pick<ApiClient, 'apply' | 'create' | 'list' | 'patch' | 'replace'>;

export class ObjectWriter {
  readonly #client: WritingClient;

  constructor(client: WritingClient) {
    this.#client = client;
  }

  /**
   * Brings a watched object to what is wanted.
   * @param found what is known of it; null = nothing
   * @throws RefusalError, NameTakenError, ApiError
   */
  async write(job: JobKey, object: KubernetesObject, found: OwnedView | null): Promise<StoredObject> {
    try {
      if (found !== null) return await this.#applyTo(object, found);
      return await this.#client.create(object);
    } catch (error) {
      if (!isThere(error)) throw refusedOr(object, error);
    }
    const there = await this.#lookUp(object);
    if (!isOf(job, there)) throw new NameTakenError(object, there);
    try {
      // The watch lags, or the label by which we watch was removed.
      return await this.#applyTo(object, viewOf(there));
    } catch (error) {
      throw refusedOr(object, error);
    }
  }

  /** writer/S3. @throws RefusalError, ApiError */
  async put(object: KubernetesObject): Promise<void> {
    try {
      await this.#client.create(object).catch(async (error: unknown) => {
        if (!isThere(error)) throw error;
        await this.#client.replace(object);
      });
    } catch (error) {
      throw refusedOr(object, error);
    }
  }

  async #applyTo(object: KubernetesObject, found: OwnedView): Promise<StoredObject> {
    if ('unclaimed' in found && found.unclaimed !== null) {
      await this.#claim(object, found, found.unclaimed as readonly FieldsOwner[]);
    }
    return this.#client.apply({ ...object, metadata: { ...object.metadata, uid: found.uid } });
  }

  /**
   * Moves the fields that a create of ours set to our applies: otherwise a field that we no longer want would stay, held by
   * the create (client-go's csaupgrade does the same).
   */
  async #claim(object: KubernetesObject, found: OwnedView, owners: readonly FieldsOwner[]): Promise<void> {
    const { uid, resourceVersion, namespace, name } = found;
    const managedFields = claimed(owners);
    await this.#client.patch(kindOf(object), namespace, name, { metadata: { uid, resourceVersion, managedFields } });
  }

  /** @throws ApiError when it is gone by now: the next look creates it */
  async #lookUp(object: KubernetesObject): Promise<StoredObject> {
    const kind = kindOf(object);
    const { namespace = '', name } = object.metadata;
    const { items } = await this.#client.list(kind, { namespace, name });
    const [there] = items;
    if (there !== undefined) return there;
    const doing = `look up ${kind.kind} ${namespace}/${name}`;
    throw new ApiError('conflict', {
      doing,
      fault: { about: doing, problem: 'it was there and is gone', remedy: 'it is created again' },
    });
  }
}

function isThere(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'alreadyExists';
}

function isOf(job: JobKey, there: StoredObject): boolean {
  const { namespace, jobName, jobUid } = viewOf(there);
  return identityOf({ namespace, name: jobName, uid: jobUid }) === identityOf(job);
}

function viewOf(there: StoredObject): OwnedView {
  if (there.kind === 'Deployment') return deploymentView(there as unknown as RawDeployment);
  return ownedView(there, there.kind);
}
