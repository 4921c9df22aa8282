/** Objects as `kubectl apply --server-side --force-conflicts` writes them, without a process for each. */
import { type Api, patchTypes } from './api.js';

export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Resource {
  /** Plural. */
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class Applied {
  readonly #api: Api;
  /** By apiVersion. A CRD may add to them at any time. */
  readonly #resources = new Map<string, readonly Resource[]>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** @throws Error with the API server's own message */
  async write(object: WrittenObject): Promise<void> {
    const query = 'fieldManager=kubectl&force=true&fieldValidation=Strict';
    await this.#api.call('PATCH', `${await this.#pathOf(object)}?${query}`, object, patchTypes.apply);
  }

  async #pathOf({ apiVersion, kind, metadata }: WrittenObject): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { name, namespaced } = await this.#resourceOf(apiVersion, root, kind);
    const place = namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${root}${place}/${name}/${encodeURIComponent(metadata.name)}`;
  }

  async #resourceOf(apiVersion: string, root: string, kind: string): Promise<Resource> {
    const isIt = (one: Resource): boolean => one.kind === kind && !one.name.includes('/');
    const known = this.#resources.get(apiVersion)?.find(isIt);
    if (known !== undefined) return known;
    const { resources } = await this.#api.get<{ resources: readonly Resource[] }>(root);
    this.#resources.set(apiVersion, resources);
    const found = resources.find(isIt);
    if (found === undefined) throw new Error(`${apiVersion}: the API server has no ${kind}`);
    return found;
  }
}
