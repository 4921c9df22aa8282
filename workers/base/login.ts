/** How a worker proves to NATS who it is (docs/protocol.md "Environment"). */
import { parseCreds } from '@distillery/protocol';

import { WorkerError } from './exit.js';
import { readText } from './read-text.js';

export type WorkerLogin =
  /** `user` is empty for a server without authentication. */
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }
  /** The .creds file's text as it is now: it may have been renewed since the last connection. */
  | { readonly kind: 'creds'; readonly read: () => string };

/** Paths of PEM files, for tls://; absent = the authorities of this machine, and no certificate of ours. */
export interface WorkerTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

const loginVariables = {
  user: 'DISTILL_NATS_USER',
  passwordFile: 'DISTILL_NATS_PASSWORD_FILE',
  tokenFile: 'DISTILL_NATS_TOKEN_FILE',
  credsFile: 'DISTILL_NATS_CREDS_FILE',
} as const;

/** What is wrong with the variables that name the login: variable and what was expected of it. */
export function loginProblems(variables: NodeJS.ProcessEnv): (readonly [string, string])[] {
  const { user, passwordFile, tokenFile, credsFile } = loginVariables;
  const given = (name: string): boolean => variables[name] !== undefined && variables[name] !== '';
  const both = `${user} and ${passwordFile}`;
  if (given(credsFile)) {
    if (given(tokenFile)) return [[credsFile, `either this or ${tokenFile}`]];
    return given(user) || given(passwordFile) ? [[credsFile, `either this or ${both}`]] : [];
  }
  if (given(tokenFile)) {
    return given(user) || given(passwordFile) ? [[tokenFile, `either this or ${both}`]] : [];
  }
  if (variables[user] === undefined && !given(passwordFile)) {
    return [[credsFile, `the path of a .creds file, or ${both} instead`]];
  }
  return [
    ...(variables[user] === undefined ? [[user, 'a user name'] as const] : []),
    ...(given(passwordFile) ? [] : [[passwordFile, 'the path of a file that holds the password'] as const]),
  ];
}

/** @param variables without `loginProblems`. @throws WorkerError terminal when a file cannot be read or is none */
export function readLogin(variables: NodeJS.ProcessEnv): WorkerLogin {
  const credsFile = variables[loginVariables.credsFile] ?? '';
  if (credsFile !== '') {
    const read = (): string => readCreds(credsFile);
    read();
    return { kind: 'creds', read };
  }
  const tokenFile = variables[loginVariables.tokenFile] ?? '';
  if (tokenFile !== '') return { kind: 'token', token: readSecret(tokenFile, 'NATS token') };
  const password = readSecret(variables[loginVariables.passwordFile] ?? '', 'NATS password');
  return { kind: 'password', user: variables[loginVariables.user] ?? '', password };
}

/** Without the line break that an editor leaves at the end; spaces are part of a secret. */
function readSecret(file: string, what: string): string {
  return readText(file, what).replace(/[\r\n]+$/, '');
}

function readCreds(file: string): string {
  const text = readText(file, 'NATS credentials');
  if (parseCreds(text) !== null) return text;
  throw new WorkerError('terminal', {
    about: 'NATS credentials',
    found: `no user JWT and seed in ${file}`,
    expected: 'a .creds file',
    remedy: '',
  });
}
