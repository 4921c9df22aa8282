/**
 * Plain requests to the API server as the cluster's administrator, for the setup and the assertions of a test. Deliberately
 * not the operator's own client, which could hide its own faults.
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
/** Content type of a PATCH. */
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

  /** Returns a response of any status. @throws Error when there is none */
  async send(method: Method, path: string, body?: unknown, contentType = 'application/json'): Promise<Answer> {
    const { statusCode, body: stream } = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
    return { status: statusCode, text: await stream.text() };
  }

  /** @throws ApiRefusal with the API server's own message */
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
   * The events of a watch, until the API server or `signal` ends it.
   * @throws ApiRefusal
   */
  async *watch<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const { statusCode, body } = await request(`${this.#url}${path}`, {
      dispatcher: this.#agent,
      signal,
      // A watch may be silent for a long time.
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
