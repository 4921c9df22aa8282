/**
 * Writes the objects of a job, and never changes an object that does not belong to the job.
 *
 * Invariants:
 *  object-writer/S1 An object that is not known to exist is created, never applied: a create fails if the name is taken.
 *  object-writer/S2 A known object is applied to its uid: if another object has taken the name meanwhile, the API
 *     server refuses.
 *  object-writer/S3 ConfigMaps and Secrets are created and replaced, never patched or read: a right to patch a Secret
 *     is a right to read it, since the answer to an empty patch is the whole Secret. Their names hold the job's uid
 *     instead (api `inputsName`).
 */
import type { KubernetesObject } from '../../../render/index.js';
import type { JobKey } from '../../../controller/index.js';

import { type ApiClient, ApiError, kindOf, type StoredObject } from '../api/index.js';
import {
  claimed,
  deploymentView,
  type FieldsOwner,
  identityOf,
  type OwnedView,
  ownedView,
  type RawDeployment,
  kinds,
} from '../cache/index.js';
import { NameTakenError, refusedOr } from './refusal.js';

type WritingClient = Pick<ApiClient, 'apply' | 'create' | 'list' | 'patch' | 'replace'>;

export class ObjectWriter {
  readonly #client: WritingClient;

  constructor(client: WritingClient) {
    this.#client = client;
  }

  /**
   * Writes a watched object.
   * @param found the known object; null = none
   * @param created what a create sends; absent = the object itself
   * @throws RefusalError, NameTakenError, ApiError
   */
  async write(
    job: JobKey,
    object: KubernetesObject,
    found: OwnedView | null,
    created: KubernetesObject = object,
  ): Promise<StoredObject> {
    try {
      if (found !== null) return await this.#applyTo(object, found);
      return await this.#client.create(created);
    } catch (error) {
      if (!isThere(error)) throw refusedOr(object, error);
    }
    const there = await this.#lookUp(object);
    if (!isOf(job, there)) throw new NameTakenError(object, there);
    try {
      // The watch lags, or the label of the watch was removed from the object.
      return await this.#applyTo(object, viewOf(there));
    } catch (error) {
      throw refusedOr(object, error);
    }
  }

  /** object-writer/S3. @throws RefusalError, ApiError */
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
   * Moves the fields that a create of ours set to our apply: otherwise a field that we no longer want would stay, owned
   * by the create (client-go's csaupgrade does the same).
   */
  async #claim(object: KubernetesObject, found: OwnedView, owners: readonly FieldsOwner[]): Promise<void> {
    const { uid, resourceVersion, namespace, name } = found;
    const managedFields = claimed(owners);
    await this.#client.patch(kindOf(object, kinds), namespace, name, {
      metadata: { uid, resourceVersion, managedFields },
    });
  }

  /** @throws ApiError when it is gone by now; the next reconcile creates it */
  async #lookUp(object: KubernetesObject): Promise<StoredObject> {
    const kind = kindOf(object, kinds);
    const { namespace = '', name } = object.metadata;
    const { items } = await this.#client.list(kind, { namespace, name });
    const [there] = items;
    if (there !== undefined) return there;
    const doing = `look up ${kind.kind} ${namespace}/${name}`;
    throw new ApiError('conflict', {
      doing,
      fault: { about: doing, problem: 'it existed and is gone', remedy: '' },
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
