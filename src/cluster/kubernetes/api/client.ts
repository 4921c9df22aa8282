/**
 * The verbs of the Kubernetes API on raw JSON. A call sends one request and never retries: the caller decides whether
 * and when to retry, so that no wait is hidden and no budget is spent twice.
 *
 * Owned objects are written by `apply`; it sends the field manager and takes fields over from other managers.
 */
import type { Clock } from '@distillery/base';

import type { Budget } from './budget.js';
import { ApiError, errorOfFailure } from './errors.js';
import { fieldsOf, parsed } from './json.js';
import { collectionPath, kindOf, objectPath, type ResourceKind } from './kinds.js';
import { storedObject, type StoredObject, type WrittenObject } from './object.js';
import type { HttpAnswer, HttpRequest, Transport } from './transport.js';
import { linesOf, watchEvent, type WatchEvent } from './watch-events.js';

export interface Page {
  readonly items: readonly StoredObject[];
  /** Version of the whole list, the same on all pages: a watch continues from it. */
  readonly resourceVersion: string;
  /** Token of the next page; null = this is the last one. */
  readonly continueToken: string | null;
}

export interface ListOptions {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Only the object of this name. */
  readonly name?: string;
  /** Such as `involvedObject.uid=UID`, for kinds that the API server indexes by it. Not together with `name`. */
  readonly fieldSelector?: string | undefined;
  readonly limit?: number;
  readonly continueToken?: string | null;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** The watch delivers events after this version. */
  readonly resourceVersion: string;
  /** The server ends the watch after this time. */
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
  /** Reads the latest state, never an older copy; the following pages show the same moment. */
  list(kind: ResourceKind, options?: ListOptions): Promise<Page>;
  /** Ends when the server ends it. Throws the error of an ERROR event, and connection errors. */
  watch(kind: ResourceKind, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** @returns null when there is no such object */
  get(kind: ResourceKind, namespace: string, name: string, signal?: AbortSignal): Promise<StoredObject | null>;
  /** Server-side apply of the fields in `object`. Fields that an earlier apply set and this one omits are removed. */
  apply(object: WrittenObject, options?: WriteOptions): Promise<StoredObject>;
  /** JSON merge patch. With metadata.resourceVersion it only patches that version, and otherwise fails with conflict. */
  patch(
    kind: ResourceKind,
    namespace: string,
    name: string,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions,
  ): Promise<StoredObject>;
  /** Fails with alreadyExists. */
  create(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject>;
  /**
   * Replaces the whole object. With metadata.resourceVersion it only replaces that version, and otherwise fails with
   * conflict.
   */
  replace(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject>;
  /** @returns false when there was no such object */
  delete(kind: ResourceKind, namespace: string, name: string, options?: DeleteOptions): Promise<boolean>;
}

/** One completed request, for metrics. */
export interface RequestRecord {
  readonly verb: 'list' | 'watch' | 'get' | 'apply' | 'patch' | 'create' | 'update' | 'delete';
  readonly kind: ResourceKind;
  readonly subresource: string;
  /** HTTP status, or the reason of the ApiError if there was no answer. */
  readonly outcome: string;
  /** Time until the complete answer; for a watch, until it was open. */
  readonly ms: number;
  /** Time spent waiting for the client-side budget, before the request. */
  readonly waitedMs: number;
}

export interface HttpClientOptions {
  readonly transport: Transport;
  /** The name under which the API server records the fields that this client writes. */
  readonly fieldManager: string;
  /** Every kind that is written; `builtInKinds` and the custom resources. */
  readonly kinds: Readonly<Record<string, ResourceKind>>;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly onRequest?: (record: RequestRecord) => void;
  /**
   * Called right before a write is sent, after it has waited for the budget and its credentials: a process that was
   * frozen meanwhile, and wakes after another one has taken over, sends nothing. Absent = always true.
   */
  readonly mayWrite?: () => boolean;
  /** A warning from the API server, such as a deprecation. */
  readonly onWarning?: (sentence: string, doing: string) => void;
}

/** Several times the API server's limit for an object (3 MiB a request). */
const longestLineBytes = 16 * 1024 * 1024;

/** Labels of the record of a request. */
type Subject = Pick<RequestRecord, 'verb' | 'kind' | 'subresource'>;

export function httpClient(options: HttpClientOptions): ApiClient {
  return new HttpApiClient(options);
}

class HttpApiClient implements ApiClient {
  readonly #options: HttpClientOptions;

  constructor(options: HttpClientOptions) {
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
    const query = this.#writing({ force: 'true' });
    return this.#write('apply', 'PATCH', object, {
      path: this.#pathOf(object, subresource),
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
        query: this.#writing(),
        body: { json: patch, contentType: 'application/merge-patch+json' },
        doing,
        signal,
      },
    );
    return storedObject(answer, kind, doing);
  }

  async create(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject> {
    const query = this.#writing();
    const path = collectionPath(this.#kindOf(object), object.metadata.namespace ?? '');
    return this.#write('create', 'POST', object, { path, query, contentType: 'application/json', signal });
  }

  async replace(object: WrittenObject, signal?: AbortSignal): Promise<StoredObject> {
    const query = this.#writing();
    return this.#write('update', 'PUT', object, {
      path: this.#pathOf(object),
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
    const kind = this.#kindOf(object);
    const { path, query, contentType, subresource = '', signal } = request;
    const of = subresource === '' ? '' : `${subresource} of `;
    const doing = `${verb} ${of}${described(kind, object.metadata.namespace ?? '', object.metadata.name)}`;
    const body = { json: object, contentType };
    const answer = await this.#exchange({ verb, kind, subresource }, { method, path, query, body, doing, signal });
    return storedObject(answer, kind, doing);
  }

  #writing(query: Readonly<Record<string, string>> = {}): URLSearchParams {
    return new URLSearchParams({ fieldManager: this.#options.fieldManager, ...query, fieldValidation: 'Strict' });
  }

  #kindOf(object: WrittenObject): ResourceKind {
    return kindOf(object, this.#options.kinds);
  }

  #pathOf(object: WrittenObject, subresource?: string): string {
    return objectPath(this.#kindOf(object), object.metadata.namespace ?? '', object.metadata.name, subresource);
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

  /** Waits for the budget, runs `work`, and records how it ended. */
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
  fieldSelector = name === undefined ? undefined : `metadata.name=${name}`,
}: Pick<ListOptions, 'labelSelector' | 'name' | 'fieldSelector'>): URLSearchParams {
  return new URLSearchParams({
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  });
}

function described({ kind }: ResourceKind, namespace: string, name: string): string {
  return `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
}

/** True if the object does not exist; false if its kind does not: a missing CRD is an error, not an empty answer. */
function saysAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'notFound' && error.about !== '';
}

function malformed(doing: string, expected: string): ApiError {
  return new ApiError('malformed', {
    doing,
    fault: {
      about: doing,
      problem: `the answer is not ${expected}`,
      remedy: "see what answers at the API server's address",
    },
  });
}
