/**
 * The verbs of the Kubernetes API on raw JSON. One request a call, never repeated in here: who called decides whether
 * and when to try again, so that no wait is hidden and no budget is spent twice.
 *
 * `apply` is the only way in which the operator writes objects that it owns.
 */
import type { Clock } from '@distillery/base';

import { fieldManager } from '../../api/index.js';

import type { Budget } from './budget.js';
import { ApiError, errorOfFailure } from './errors.js';
import { fieldsOf, parsed } from './json.js';
import { collectionPath, kindOf, objectPath, type ResourceKind } from './kinds.js';
import { storedObject, type StoredObject, type WrittenObject } from './object.js';
import type { HttpAnswer, HttpRequest, Transport } from './transport.js';
import { linesOf, watchEvent, type WatchEvent } from './watch.js';

export interface Page {
  readonly items: readonly StoredObject[];
  /** Of the whole list, all its pages: where a watch goes on. */
  readonly resourceVersion: string;
  /** Asks for the next page; null = this was the last. */
  readonly continueToken: string | null;
}

export interface ListOptions {
  /** Absent = of all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** The one object of this name, if it is there. */
  readonly name?: string;
  readonly limit?: number;
  readonly continueToken?: string | null;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Events after this version. */
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

export interface WriteOptions {
  readonly subresource?: 'status';
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  /** Deletes only the object with this uid. */
  readonly uid?: string;
  readonly signal?: AbortSignal;
}

/** Every method throws ApiError. */
export interface ApiClient {
  /** What is stored now, never an older copy of it; following pages show the same moment. */
  list(kind: ResourceKind, options?: ListOptions): Promise<Page>;
  /** Ends when the server ends it; throws what it says in an ERROR event, and what happens to the connection. */
  watch(kind: ResourceKind, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** @returns null when there is no such object */
  get(kind: ResourceKind, namespace: string, name: string, signal?: AbortSignal): Promise<StoredObject | null>;
  /** Server-side apply of the fields that the object holds; fields that it held before and no longer does are given up. */
  apply(object: WrittenObject, options?: WriteOptions): Promise<StoredObject>;
  /** JSON merge patch; with metadata.resourceVersion in it only that version is patched (conflict otherwise). */
  patch(
    kind: ResourceKind,
    namespace: string,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions,
  ): Promise<StoredObject>;
  /** Fails with alreadyExists. */
  create(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject>;
  /** Writes the whole object; with metadata.resourceVersion in it only over that version (conflict otherwise). */
  replace(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject>;
  /** @returns false when there was no such object */
  delete(kind: ResourceKind, namespace: string, name: string, options?: DeleteOptions): Promise<boolean>;
}

/** One request that ended, for metrics. */
export interface RequestRecord {
  readonly verb: 'list' | 'watch' | 'get' | 'apply' | 'patch' | 'create' | 'update' | 'delete';
  readonly kind: ResourceKind;
  readonly subresource: string;
  /** HTTP status, or the kind of error when there was no answer. */
  readonly outcome: string;
  /** Until the answer was whole; of a watch until it was opened. */
  readonly ms: number;
  /** In the client-side budget, before it. */
  readonly waitedMs: number;
}

export interface ApiClientOptions {
  readonly transport: Transport;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly onRequest?: (record: RequestRecord) => void;
  /**
   * Asked right before a request that changes something is sent, after it has waited for the budget and its credentials:
   * a process that was stopped meanwhile, and wakes after another has taken over, sends nothing. Absent = always true.
   */
  readonly mayWrite?: () => boolean;
  /** A sentence that the API server wants read. */
  readonly onWarning?: (sentence: string, doing: string) => void;
}

/** Events of objects near the API server's limit (3 MiB a request) fit several times. */
const longestLineBytes = 16 * 1024 * 1024;

/** What a request is about, for its record. */
type Subject = Pick<RequestRecord, 'verb' | 'kind' | 'subresource'>;

export function apiClient(options: ApiClientOptions): ApiClient {
  return new HttpApiClient(options);
}

class HttpApiClient implements ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  async list(kind: ResourceKind, options: ListOptions = {}): Promise<Page> {
    const { namespace = '', limit, continueToken = null, signal } = options;
    const query = selection(options);
    if (limit !== undefined) query.set('limit', String(limit));
    if (continueToken !== null) query.set('continue', continueToken);
    const doing = `list ${kind.plural}`;
    const path = collectionPath(kind, namespace);
    const answer = await this.#exchange(
      { verb: 'list', kind, subresource: '' },
      { method: 'GET', path, query, doing, signal },
    );
    const { metadata, items } = fieldsOf(answer) ?? {};
    const { resourceVersion, continue: next } = fieldsOf(metadata) ?? {};
    // Go writes an empty list as null.
    const listed = items === null ? [] : items;
    if (!Array.isArray(listed) || typeof resourceVersion !== 'string')
      throw malformed(doing, `a list of ${kind.plural}`);
    return {
      items: listed.map((item) => storedObject(item, kind, doing)),
      resourceVersion,
      continueToken: typeof next === 'string' && next !== '' ? next : null,
    };
  }

  async *watch(kind: ResourceKind, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const { namespace = '', resourceVersion, timeoutSeconds, signal } = options;
    const query = selection(options);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('resourceVersion', resourceVersion);
    query.set('timeoutSeconds', String(timeoutSeconds));
    const doing = `watch ${kind.plural}`;
    const stream = await this.#counted({ verb: 'watch', kind, subresource: '' }, signal, async () => ({
      status: 200,
      value: await this.#options.transport.stream({
        method: 'GET',
        path: collectionPath(kind, namespace),
        query,
        doing,
        signal,
      }),
    }));
    try {
      yield { type: 'opened' };
      for await (const line of linesOf(stream.chunks, longestLineBytes, doing)) yield watchEvent(line, kind, doing);
    } finally {
      stream.close();
    }
  }

  async get(kind: ResourceKind, namespace: string, name: string, signal?: AbortSignal): Promise<StoredObject | null> {
    const doing = `get ${described(kind, namespace, name)}`;
    const request: HttpRequest = { method: 'GET', path: objectPath(kind, namespace, name), doing, signal };
    try {
      return storedObject(await this.#exchange({ verb: 'get', kind, subresource: '' }, request), kind, doing);
    } catch (error) {
      if (saysAbsent(error)) return null;
      throw error;
    }
  }

  async apply(object: WrittenObject, { subresource, signal }: WriteOptions = {}): Promise<StoredObject> {
    const query = new URLSearchParams({ fieldManager, force: 'true', fieldValidation: 'Strict' });
    return this.#write('apply', 'PATCH', object, {
      path: pathOf(object, subresource),
      query,
      contentType: 'application/apply-patch+yaml',
      subresource,
      signal,
    });
  }

  async patch(
    kind: ResourceKind,
    namespace: string,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    { subresource, signal }: WriteOptions = {},
  ): Promise<StoredObject> {
    const doing = `patch ${described(kind, namespace, name)}`;
    const answer = await this.#exchange(
      { verb: 'patch', kind, subresource: subresource ?? '' },
      {
        method: 'PATCH',
        path: objectPath(kind, namespace, name, subresource),
        query: new URLSearchParams({ fieldManager, fieldValidation: 'Strict' }),
        body: { json: patch, contentType: 'application/merge-patch+json' },
        doing,
        signal,
      },
    );
    return storedObject(answer, kind, doing);
  }

  async create(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject> {
    const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict' });
    const path = collectionPath(kindOf(object), object.metadata.namespace ?? '');
    return this.#write('create', 'POST', object, { path, query, contentType: 'application/json', signal });
  }

  async replace(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject> {
    const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict' });
    return this.#write('update', 'PUT', object, {
      path: pathOf(object),
      query,
      contentType: 'application/json',
      signal,
    });
  }

  async delete(kind: ResourceKind, namespace: string, name: string, options: DeleteOptions = {}): Promise<boolean> {
    const { propagation = 'Background', uid, signal } = options;
    const request: HttpRequest = {
      method: 'DELETE',
      path: objectPath(kind, namespace, name),
      body: {
        json: { propagationPolicy: propagation, ...(uid === undefined ? {} : { preconditions: { uid } }) },
        contentType: 'application/json',
      },
      doing: `delete ${described(kind, namespace, name)}`,
      signal,
    };
    try {
      await this.#exchange({ verb: 'delete', kind, subresource: '' }, request);
      return true;
    } catch (error) {
      if (saysAbsent(error)) return false;
      throw error;
    }
  }

  async #write(
    verb: 'apply' | 'create' | 'update',
    method: 'PATCH' | 'POST' | 'PUT',
    object: WrittenObject,
    request: {
      readonly path: string;
      readonly query: URLSearchParams;
      readonly contentType: string;
      readonly subresource?: string | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<StoredObject> {
    const kind = kindOf(object);
    const { path, query, contentType, subresource = '', signal } = request;
    const of = subresource === '' ? '' : `${subresource} of `;
    const doing = `${verb} ${of}${described(kind, object.metadata.namespace ?? '', object.metadata.name)}`;
    const body = { json: object, contentType };
    const answer = await this.#exchange({ verb, kind, subresource }, { method, path, query, body, doing, signal });
    return storedObject(answer, kind, doing);
  }

  /** @returns the JSON of the answer */
  async #exchange(subject: Subject, request: HttpRequest): Promise<unknown> {
    const { transport, onWarning, mayWrite } = this.#options;
    const { text, warnings } = await this.#counted<HttpAnswer>(subject, request.signal, async () => {
      const isWrite = subject.verb !== 'get' && subject.verb !== 'list';
      const answer = await transport.exchange(
        isWrite && mayWrite !== undefined ? { ...request, maySend: mayWrite } : request,
      );
      return { status: answer.status, value: answer };
    });
    for (const sentence of warnings) onWarning?.(sentence, request.doing);
    const json = parsed(text);
    if (json === null) throw malformed(request.doing, 'JSON');
    return json.value;
  }

  /** Waits for the budget, does it, and tells of it however it ends. */
  async #counted<T>(
    subject: Subject,
    signal: AbortSignal | undefined,
    work: () => Promise<{ readonly status: number; readonly value: T }>,
  ): Promise<T> {
    const { budget, clock, onRequest } = this.#options;
    const waitedMs = await budget.take(signal);
    const startMs = clock.now();
    const record = (outcome: string): void =>
      onRequest?.({ ...subject, outcome, ms: Math.max(0, clock.now() - startMs), waitedMs });
    try {
      const { status, value } = await work();
      record(String(status));
      return value;
    } catch (error) {
      const { status, reason: kind } = errorOfFailure('', error);
      record(status === null ? kind : String(status));
      throw error;
    }
  }
}

function selection({
  labelSelector,
  name,
}: {
  readonly labelSelector?: string | undefined;
  readonly name?: string;
}): URLSearchParams {
  return new URLSearchParams({
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  });
}

function pathOf(object: WrittenObject, subresource?: string): string {
  return objectPath(kindOf(object), object.metadata.namespace ?? '', object.metadata.name, subresource);
}

function described({ kind }: ResourceKind, namespace: string, name: string): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

/** True when an object is not there, false when its kind is not: a CRD that is missing is no empty answer. */
function saysAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'notFound' && error.about !== '';
}

function malformed(doing: string, expected: string): ApiError {
  return new ApiError('malformed', {
    doing,
    fault: {
      about: doing,
      found: 'an answer that is no such thing',
      expected,
      remedy: "see who answers at the API server's address",
    },
  });
}
