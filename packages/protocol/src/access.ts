/**
 * How one role of one job reaches its streams. The operator creates it, the cluster adapter hands it to the worker (a file of
 * mode 0600, or a mounted Secret), the worker reads it (docs/protocol.md "Environment").
 */

/** `reader`: a process that fetches the finished model; it may read the job's objects and nothing else. */
export const workerRoles = ['teacher', 'student', 'reader'] as const;
export type WorkerRole = (typeof workerRoles)[number];

/** What a client of a tls:// address needs beside the authorities of its machine; each is PEM. */
export interface NatsTls {
  /** Of the authority that signed the server's certificate; no other is trusted then. */
  readonly ca?: string;
  /** Certificate of the client, for a server that asks for one, and its key. */
  readonly cert?: string;
  readonly key?: string;
}

/** `url` holds no login. */
export type NatsAccess = (
  | { readonly kind: 'password'; readonly url: string; readonly user: string; readonly password: string }
  /** For a server that asks every client for the same token. */
  | { readonly kind: 'token'; readonly url: string; readonly token: string }
  /** `creds`: text of a .creds file, that is, a user JWT and the seed that proves it. */
  | { readonly kind: 'creds'; readonly url: string; readonly creds: string }
) & { readonly tls?: NatsTls };

/** Keys of a job's Secret for TLS, which all roles share. */
export const natsTlsKeys = { ca: 'nats-ca.crt', cert: 'nats-client.crt', key: 'nats-client.key' } as const;

/** Keys of a job's Secret. `url` and `user` are for people and tools outside the pods, which have them in their environment. */
const accessKeys = {
  url: 'url',
  user: (role: WorkerRole) => `${role}.user`,
  password: (role: WorkerRole) => `${role}.password`,
  creds: (role: WorkerRole) => `${role}.creds`,
  token: (role: WorkerRole) => `${role}.token`,
} as const;

const tlsParts = ['ca', 'cert', 'key'] as const;

/** @returns the content of a job's Secret, as texts: each role's own keys, and the address that they share */
export function accessToSecret(access: Readonly<Record<WorkerRole, NatsAccess>>): Record<string, string> {
  const entries = workerRoles.flatMap((role): (readonly [string, string])[] => {
    const own = access[role];
    switch (own.kind) {
      case 'creds':
        return [[accessKeys.creds(role), own.creds]];
      case 'token':
        return [[accessKeys.token(role), own.token]];
      case 'password':
        return [
          [accessKeys.user(role), own.user],
          [accessKeys.password(role), own.password],
        ];
    }
  });
  const { url, tls = {} } = access.student;
  const certificates = tlsParts.flatMap((part) =>
    tls[part] === undefined ? [] : [[natsTlsKeys[part], tls[part]] as const],
  );
  return Object.fromEntries([[accessKeys.url, url], ...certificates, ...entries]);
}

/** @returns one role's access from what `accessToSecret` made; null when its keys are not there */
export function accessFromSecret(data: Readonly<Record<string, string>>, role: WorkerRole): NatsAccess | null {
  const address = data[accessKeys.url];
  if (address === undefined) return null;
  const parts = tlsParts.flatMap((part) => {
    const text = data[natsTlsKeys[part]];
    return text === undefined ? [] : [[part, text] as const];
  });
  const place = { url: address, ...(parts.length === 0 ? {} : { tls: Object.fromEntries(parts) as NatsTls }) };
  const creds = data[accessKeys.creds(role)];
  if (creds !== undefined) return { kind: 'creds', ...place, creds };
  const token = data[accessKeys.token(role)];
  if (token !== undefined) return { kind: 'token', ...place, token };
  const user = data[accessKeys.user(role)];
  const password = data[accessKeys.password(role)];
  return user === undefined || password === undefined ? null : { kind: 'password', ...place, user, password };
}

/** The user JWT and the seed in the text of a .creds file, as the NATS clients find them; null when the text is not one. */
export function parseCreds(text: string): { readonly jwt: string; readonly seed: string } | null {
  const parts = [...text.matchAll(/-{3,}BEGIN[^\n]*-{3,}\n\s*(\S+)\n\s*-{3,}END/g)].map(([, content]) => content);
  const [jwt, seed] = parts;
  return jwt?.split('.').length === 3 && seed !== undefined ? { jwt, seed } : null;
}
