/**
 * The one place that talks to the API server: plain JSON over HTTP, no classes of kinds, so that what is read is what was
 * stored and nothing is converted forth and back (docs/adr/0008).
 *
 * Invariants:
 *  H1 Objects are written by server-side apply under one field manager; only leases and events are not.
 *  H2 Every request has a time limit and a place in the budget; a watch has the budget alone.
 *  H3 An answer is bounded and parsed before it is used.
 */
import type { RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, fetch } from 'undici';
import { z } from 'zod';

import { fieldManager } from '../../api/index.js';
import type { KubernetesObject } from '../../render/index.js';

import type { Budget } from './budget.js';
import { ApiError, apiErrorFromAnswer, apiErrorFromFailure } from './errors.js';
import { apiVersionOf, kindOf, pathOf, type ResourceKind } from './kinds.js';
import { linesOf } from './lines.js';

/** An object as the API server gives it; its owner knows the rest of its shape. */
export interface StoredObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly [field: string]: unknown;
}

export interface Page {
  readonly items: readonly StoredObject[];
  readonly resourceVersion: string;
  /** Where the next page begins; empty after the last. */
  readonly next: string;
}

export interface Selection {
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: StoredObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface RequestFacts {
  readonly verb: 'get' | 'list' | 'watch' | 'apply' | 'create' | 'update' | 'patch' | 'delete';
  readonly resource: string;
  /** HTTP status; 0 when there was no answer. */
  readonly code: number;
  readonly seconds: number;
  readonly throttledSeconds: number;
}

export interface ApiClientOptions {
  readonly kubeConfig: KubeConfig;
  readonly budget: Budget;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  readonly onRequest?: (facts: RequestFacts) => void;
  readonly requestLimitMs?: number;
}

const defaultLimitMs = 30_000;
/** etcd stores no object larger than 1.5 MiB; a page has at most 500 of them. */
const largestAnswer = 512 * 1024 * 1024;
/** A watch that brings nothing for this long, not even a bookmark (they come every minute), is dead. */
const silentWatchMs = 150_000;

const objectSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), resourceVersion: z.string() }),
});
const listSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(objectSchema).nullable(),
});
const eventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: objectSchema }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) }),
  }),
  z.object({ type: z.literal('ERROR'), object: z.looseObject({ code: z.number().optional() }) }),
]);

interface Request {
  readonly verb: RequestFacts['verb'];
  readonly kind: ResourceKind;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly contentType?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #server: string;
  #dispatcher: Dispatcher | null = null;

  /** @throws Error when the configuration names no cluster */
  constructor(options: ApiClientOptions) {
    this.#options = options;
    const cluster = options.kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('kubeconfig: found no current cluster; set current-context');
    this.#server = cluster.server.replace(/\/+$/, '');
  }

  /** @throws ApiError */
  async list(
    kind: ResourceKind,
    options: Selection & {
      readonly limit: number;
      readonly next?: string;
      readonly resourceVersion?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<Page> {
    const { namespace, labelSelector, limit, next, resourceVersion, signal } = options;
    const query = { labelSelector, limit: String(limit), continue: next, resourceVersion };
    const answer = await this.#json(listSchema, {
      verb: 'list',
      kind,
      path: pathOf(kind, { namespace }),
      query,
      signal,
    });
    return {
      items: answer.items ?? [],
      resourceVersion: answer.metadata.resourceVersion,
      next: answer.metadata.continue ?? '',
    };
  }

  /** Every change after `resourceVersion`, until the server ends the watch. @throws ApiError */
  async *watch(
    kind: ResourceKind,
    options: Selection & {
      readonly resourceVersion: string;
      readonly timeoutSeconds: number;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<WatchEvent> {
    const { namespace, labelSelector, resourceVersion, timeoutSeconds, signal } = options;
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      labelSelector,
      resourceVersion,
      timeoutSeconds: String(timeoutSeconds),
    };
    const request: Request = { verb: 'watch', kind, path: pathOf(kind, { namespace }), query };
    const doing = doingOf(request);
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    let timer: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new DOMException('no sign of life', 'TimeoutError')), silentWatchMs);
      timer.unref();
    };
    try {
      heard();
      const response = await this.#send({ ...request, signal: either });
      if (response.body === null) throw new ApiError('malformed', `${doing}: an answer without a body`, 200, null);
      for await (const line of linesOf(response.body, heard)) {
        const event = parse(eventSchema, line, doing);
        if (event.type === 'ERROR') {
          throw apiErrorFromAnswer(doing, event.object.code ?? 500, JSON.stringify(event.object), null);
        }
        if (event.type === 'BOOKMARK') {
          yield { type: 'BOOKMARK', resourceVersion: event.object.metadata.resourceVersion };
        } else yield event;
      }
    } catch (error) {
      throw apiErrorFromFailure(doing, error, signal);
    } finally {
      clearTimeout(timer);
      // A watch that is left in the middle must not go on in the background.
      silence.abort();
    }
  }

  /** null when there is none. @throws ApiError */
  async get(
    kind: ResourceKind,
    namespace: string | undefined,
    name: string,
    signal?: AbortSignal,
  ): Promise<StoredObject | null> {
    try {
      return await this.#json(objectSchema, { verb: 'get', kind, path: pathOf(kind, { namespace, name }), signal });
    } catch (error) {
      if (error instanceof ApiError && error.kind === 'notFound') return null;
      throw error;
    }
  }

  /** Server-side apply: makes the object what is sent, as far as this field manager owns it (H1). @throws ApiError */
  async apply(
    object: KubernetesObject,
    { subresource, signal }: { readonly subresource?: 'status'; readonly signal?: AbortSignal } = {},
  ): Promise<StoredObject> {
    const kind = kindOf(object);
    const { namespace, name } = object.metadata;
    return this.#json(objectSchema, {
      verb: 'apply',
      kind,
      method: 'PATCH',
      path: pathOf(kind, { namespace, name, ...(subresource === undefined ? {} : { subresource }) }),
      query: { fieldManager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
      signal,
    });
  }

  /** JSON merge patch. @throws ApiError */
  async patch(
    kind: ResourceKind,
    namespace: string,
    name: string,
    body: object,
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    return this.#json(objectSchema, {
      verb: 'patch',
      kind,
      method: 'PATCH',
      path: pathOf(kind, { namespace, name }),
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body,
      signal,
    });
  }

  /** @throws ApiError conflict when it exists */
  async create(object: KubernetesObject, signal?: AbortSignal): Promise<StoredObject> {
    const kind = kindOf(object);
    const path = pathOf(kind, { namespace: object.metadata.namespace });
    return this.#json(objectSchema, {
      verb: 'create',
      kind,
      method: 'POST',
      path,
      query: { fieldManager },
      body: object,
      signal,
    });
  }

  /** Writes the object if its resourceVersion is still the one sent along. @throws ApiError conflict when it is not */
  async replace(object: KubernetesObject, signal?: AbortSignal): Promise<StoredObject> {
    const kind = kindOf(object);
    const { namespace, name } = object.metadata;
    return this.#json(objectSchema, {
      verb: 'update',
      kind,
      method: 'PUT',
      path: pathOf(kind, { namespace, name }),
      query: { fieldManager },
      body: object,
      signal,
    });
  }

  /**
   * What is gone already is fine.
   * @param options `uid`: delete only this very object, not one that took its name
   * @throws ApiError
   */
  async delete(
    kind: ResourceKind,
    namespace: string | undefined,
    name: string,
    options: {
      readonly propagation: 'Foreground' | 'Background' | 'Orphan';
      readonly uid?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<void> {
    const { propagation, uid, signal } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      ...(uid === undefined ? {} : { preconditions: { uid } }),
    };
    try {
      const path = pathOf(kind, { namespace, name });
      await this.#text({ verb: 'delete', kind, method: 'DELETE', path, body, signal });
    } catch (error) {
      const gone =
        error instanceof ApiError && (error.kind === 'notFound' || (uid !== undefined && error.kind === 'conflict'));
      if (!gone) throw error;
    }
  }

  /** Ends idle connections; requests in flight end by their own signals. */
  async close(): Promise<void> {
    await this.#dispatcher?.close();
    this.#dispatcher = null;
  }

  async #json<T>(schema: z.ZodType<T>, request: Request): Promise<T> {
    return parse(schema, await this.#text(request), doingOf(request));
  }

  async #text(request: Request): Promise<string> {
    const limit = AbortSignal.timeout(this.#options.requestLimitMs ?? defaultLimitMs);
    const signal = request.signal === undefined ? limit : AbortSignal.any([limit, request.signal]);
    try {
      const response = await this.#send({ ...request, signal });
      return await bounded(response, doingOf(request));
    } catch (error) {
      throw apiErrorFromFailure(doingOf(request), error, request.signal);
    }
  }

  /** @returns an answer with a status of success; everything else is thrown */
  async #send(request: Request): Promise<Awaited<ReturnType<typeof fetch>>> {
    const { verb, kind, path, query = {}, method = 'GET', contentType = 'application/json', body, signal } = request;
    const { budget, now, onRequest } = this.#options;
    const waitedMs = await budget.take(signal);
    const url = new URL(this.#server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const startedMs = now();
    let code = 0;
    try {
      const { headers, dispatcher } = await this.#connection();
      const response = await fetch(url, {
        method,
        headers: {
          ...headers,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': contentType }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        dispatcher,
        signal: signal ?? null,
        redirect: 'error',
      });
      code = response.status;
      if (response.ok) return response;
      const answer = await bounded(response, doingOf(request));
      throw apiErrorFromAnswer(doingOf(request), code, answer, response.headers.get('retry-after'));
    } finally {
      onRequest?.({
        verb,
        resource: kind.plural,
        code,
        seconds: (now() - startedMs) / 1_000,
        throttledSeconds: waitedMs / 1_000,
      });
    }
  }

  /** Headers are asked for each time: a pod's token is renewed under a running process. */
  async #connection(): Promise<{ readonly headers: Record<string, string>; readonly dispatcher: Dispatcher }> {
    const options: RequestOptions = {};
    await this.#options.kubeConfig.applyToHTTPSOptions(options);
    const { ca, cert, key, rejectUnauthorized, servername } = options;
    this.#dispatcher ??= new Agent({
      connect: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
        ...(servername === undefined ? {} : { servername }),
        keepAlive: true,
        keepAliveInitialDelay: 15_000,
        timeout: 10_000,
      },
      // A watch is silent for minutes; its own timer judges it.
      bodyTimeout: 0,
      headersTimeout: 60_000,
    });
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    if (typeof options.auth === 'string') {
      headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    return { headers, dispatcher: this.#dispatcher };
  }
}

function doingOf({ verb, kind, path }: Request): string {
  const parts = path.split('/');
  const at = parts.indexOf(kind.plural);
  const namespace = parts[at - 2] === 'namespaces' ? parts[at - 1] : undefined;
  const name = [namespace, parts[at + 1]].filter((part) => part !== undefined).join('/');
  return `${verb} ${kind.kind}${name === '' ? 's' : ` ${name}`} of ${apiVersionOf(kind)}`;
}

function parse<T>(schema: z.ZodType<T>, text: string, doing: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApiError('malformed', `${doing}: found an answer that is no JSON`, 200, null, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new ApiError('malformed', `${doing}: found an answer of another shape (at ${where})`, 200, null);
}

async function bounded(response: Awaited<ReturnType<typeof fetch>>, doing: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const piece = chunk as Uint8Array;
    bytes += piece.byteLength;
    if (bytes > largestAnswer)
      throw new ApiError('malformed', `${doing}: found an answer beyond all bounds`, 200, null);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}
