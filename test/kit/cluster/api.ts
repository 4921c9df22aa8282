/**
 * Plain requests to the API server as the cluster's administrator, for what a test sets up or looks at. Deliberately not
 * the operator's own client: a fault in that one must not hide itself.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { Agent, request } from 'undici';

import type { Endpoint } from './kubeconfig.js';
import type { Credentials } from './pki.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export interface Answer {
  readonly status: number;
  readonly text: string;
}
/** How a PATCH body is read. */
export const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

class ApiRefusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiRefusal';
  }
}

export class Api {
  readonly #url: string;
  readonly #agent: Agent;

  static async connect({ url, authority }: Endpoint, credentials: Credentials): Promise<Api> {
    const [ca, cert, key] = await Promise.all(
      [authority, credentials.certificate, credentials.key].map((file) => readFile(file)),
    );
    return new Api(url, new Agent({ connect: { ca, cert, key } }));
  }

  private constructor(url: string, agent: Agent) {
    this.#url = url;
    this.#agent = agent;
  }

  /** Any status is an answer. @throws when there is none */
  async send(method: Method, path: string, body?: unknown, contentType = 'application/json'): Promise<Answer> {
    const { statusCode, body: stream } = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
    return { status: statusCode, text: await stream.text() };
  }

  /** @throws ApiRefusal with the API server's own sentence */
  async call<T>(method: Method, path: string, body?: unknown, contentType?: string): Promise<T> {
    const { status, text } = await this.send(method, path, body, contentType);
    if (status >= 300) throw new ApiRefusal(status, `${method} ${path}: ${String(status)} ${sentenceOf(text)}`);
    return JSON.parse(text) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.call('GET', path);
  }

  post<T>(path: string, object: unknown): Promise<T> {
    return this.call('POST', path, object);
  }

  patch<T>(path: string, patch: unknown, type: keyof typeof patchTypes = 'merge'): Promise<T> {
    return this.call('PATCH', path, patch, patchTypes[type]);
  }

  delete(path: string): Promise<unknown> {
    return this.call('DELETE', path);
  }

  /**
   * What a watch tells, one object a line, until the API server ends it or `signal` does.
   * @throws ApiRefusal
   */
  async *watch<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const { statusCode, body } = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      signal,
      // It may have nothing to tell for long.
      bodyTimeout: 0,
    });
    if (statusCode >= 300) {
      throw new ApiRefusal(statusCode, `GET ${path}: ${String(statusCode)} ${sentenceOf(await body.text())}`);
    }
    for await (const line of createInterface({ input: body })) yield JSON.parse(line) as T;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function sentenceOf(text: string): string {
  try {
    const status = JSON.parse(text) as { message?: string };
    return status.message ?? text;
  } catch {
    return text;
  }
}
