/** kubeconfig files: one cluster, one user, everything inline, so that a file can be carried elsewhere. */
import { readFile, writeFile } from 'node:fs/promises';

import { stringify } from 'yaml';

import type { Credentials } from './pki.js';

export type Login = { readonly credentials: Credentials } | { readonly token: string };

export interface Endpoint {
  readonly url: string;
  /** Path of the authority's certificate. */
  readonly authority: string;
}

/** @returns `file` */
export async function writeKubeconfig(file: string, { url, authority }: Endpoint, login: Login): Promise<string> {
  const base64 = async (path: string): Promise<string> => (await readFile(path)).toString('base64');
  const user =
    'token' in login
      ? { token: login.token }
      : {
          'client-certificate-data': await base64(login.credentials.certificate),
          'client-key-data': await base64(login.credentials.key),
        };
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'distillery', cluster: { server: url, 'certificate-authority-data': await base64(authority) } }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'distillery', context: { cluster: 'distillery', user: 'user' } }],
    'current-context': 'distillery',
  });
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
