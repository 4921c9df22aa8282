/**
 * An API server on loopback for the commands: objects by path, `Status` bodies with the messages of the real
 * one, and a kubeconfig that names it. The cluster suite uses a real one.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { stringify } from 'yaml';

export interface TestApiServer {
  readonly url: string;
  /** Path of a kubeconfig; its context `test` has namespace `team-a`. */
  readonly kubeconfig: string;
  /** Requests so far, as method and path. */
  readonly asked: string[];
  /** Sets the response of a path: an object, whose metadata is completed from the path, or a list. */
  set(path: string, object: object): void;
  /** Sets the response of a path that is no JSON, such as a log. */
  setText(path: string, text: string): void;
  /** Lets a path fail with this status code. */
  refuse(path: string, code: number, message: string): void;
  /** Lets requests to a path hang without a response. */
  hang(path: string): void;
  /** Stops serving an API group. */
  forget(group: string): void;
  stop(): Promise<void>;
}

interface Answer {
  readonly code: number;
  readonly body: object | string;
}

const token = 'token-of-the-test';

export async function startTestApiServer(): Promise<TestApiServer> {
  const answers = new Map<string, Answer>();
  const asked: string[] = [];
  const hanging = new Set<string>();
  const forgotten = new Set<string>();
  const answerTo = (path: string): Answer => {
    if ([...forgotten].some((group) => path.startsWith(`/apis/${group}/`))) return notServed;
    return answers.get(path) ?? missing(path);
  };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '';
    asked.push(`${request.method ?? ''} ${path}`);
    if (hanging.has(path)) return;
    const known = request.headers.authorization === `Bearer ${token}`;
    const { code, body } = known ? answerTo(path) : unauthorized;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response
      .writeHead(code, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' })
      .end(text);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const folder = await mkdtemp(join(tmpdir(), 'distillery-api-'));
  const url = `http://127.0.0.1:${String(address.port)}`;
  const kubeconfig = join(folder, 'kubeconfig');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    // The client uses plain HTTP only if it does not verify certificates either.
    clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'person', user: { token } }],
    contexts: [
      { name: 'test', context: { cluster: 'test', user: 'person', namespace: 'team-a' } },
      { name: 'bare', context: { cluster: 'test', user: 'person' } },
    ],
    'current-context': 'test',
  };
  await writeFile(kubeconfig, stringify(content));
  return {
    url,
    kubeconfig,
    asked,
    set: (path, body) => void answers.set(path, { code: 200, body: stored(path, body) }),
    setText: (path, text) => void answers.set(path, { code: 200, body: text }),
    refuse: (path, code, message) => void answers.set(path, { code, body: statusOf(code, message) }),
    hang: (path) => void hanging.add(path),
    forget: (group) => void forgotten.add(group),
    stop: async () => {
      await new Promise((closed) => server.close(closed).closeAllConnections());
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const unauthorized: Answer = { code: 401, body: statusOf(401, 'Unauthorized') };
const notServed: Answer = { code: 404, body: '404 page not found\n' };

const objectPath = /\/namespaces\/([^/]+)\/(secrets|distilljobs)\/([^/]+)$/;

/** The object of a path as the API server returns it: with a uid and a resourceVersion. */
function stored(path: string, object: { readonly metadata?: object }): object {
  const [, namespace, , name] = objectPath.exec(path) ?? [];
  if (name === undefined) return object;
  return { ...object, metadata: { name, namespace, uid: 'uid', resourceVersion: '1', ...object.metadata } };
}

/** Metadata for a path that names an object of a served kind; other paths get a response in plain text. */
function missing(path: string): Answer {
  const [, , resource, name] = objectPath.exec(path) ?? [];
  if (resource === undefined || name === undefined) return notServed;
  return { code: 404, body: statusOf(404, `${resource} "${name}" not found`, { name, kind: resource }) };
}

function statusOf(code: number, message: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code, details };
}
