/** The operator's way into NATS, as its settings say: a part of the composition root. */
import type { Clock } from '@distillery/base';
import { readTextSync } from '@distillery/platform';

import type { OperatorConfig } from './operator-config.js';
import {
  accountOfCreds,
  type AccessIssuer,
  credsIssuer,
  type LinkOptions,
  NamespaceAccounts,
  openStreams,
  passwordIssuer,
  SharedAccount,
  type StreamHome,
} from './stream/index.js';

export interface HomeOptions {
  readonly nats: OperatorConfig['nats'];
  readonly clock: Clock;
  /** False in a process that does not lead. */
  readonly mayAct: () => boolean;
  readonly hasJobs: (namespace: string) => boolean;
  /** A job's state changed. @param uid null = that of any job of the namespace may have; both null = of any job at all */
  readonly onChange: (namespace: string | null, uid: string | null) => void;
  /** @param namespace null = the connection that all namespaces share */
  readonly onStatus: (namespace: string | null, event: Parameters<NonNullable<LinkOptions['onStatus']>>[0]) => void;
}

/** Connects in the background. @throws StreamError when a secret is none */
export function openStreamHome({ nats, clock, mayAct, hasJobs, onChange, onStatus }: HomeOptions): StreamHome {
  const { auth, url, workerUrl } = nats;
  switch (auth.kind) {
    case 'accounts': {
      const { signingSeed, accountsSeed, systemCredsFile, limits, namespaceLimits } = auth;
      return new NamespaceAccounts({
        url,
        workerUrl,
        systemCreds: textOf(systemCredsFile),
        keys: { signingSeed, accountsSeed },
        limitsOf: (namespace) => ({ ...limits, ...namespaceLimits.get(namespace) }),
        nowMs: () => clock.now(),
        mayAct,
        hasJobs,
        onChange,
        onStatus,
      });
    }
    case 'signed':
      return shared(
        { creds: textOf(auth.credsFile) },
        credsIssuer({ url: workerUrl, signingSeed: auth.seed, account: accountOfCreds(textOf(auth.credsFile)()) }),
      );
    case 'password':
      return shared(auth.operator, passwordIssuer({ url: workerUrl, ...auth.workers }));
  }

  function shared(login: Omit<LinkOptions, 'url'>, issue: AccessIssuer): StreamHome {
    const admin = openStreams({ url, ...login, onStatus: (event) => onStatus(null, event) }, mayAct);
    admin.watchAll((uid) => onChange(null, uid));
    return new SharedAccount(admin, issue);
  }
}

/** Read again at every attempt to connect: secrets may have been exchanged. */
function textOf(file: string): () => string {
  return () => readTextSync(file);
}
