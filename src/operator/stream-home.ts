/** Opens the operator's connection to NATS in the way that its settings choose: a part of the composition root. */
import type { Clock } from '@distillery/base';
import { readTextSync } from '@distillery/platform';

import type { Wake } from '../controller/index.js';
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
} from '../stream/index.js';

import type { OperatorConfig } from './config.js';

export interface HomeOptions {
  readonly nats: OperatorConfig['nats'];
  readonly clock: Clock;
  /** False in a process that does not lead. */
  readonly mayAct: () => boolean;
  readonly hasJobs: (namespace: string) => boolean;
  /** Wakes the jobs whose streams or account changed. */
  readonly wake: Pick<Wake, 'part' | 'namespace' | 'all'>;
  /** @param namespace null = the connection that all namespaces share */
  readonly onStatus: (namespace: string | null, event: Parameters<NonNullable<LinkOptions['onStatus']>>[0]) => void;
}

/** Connects in the background. @throws StreamError when the text of a secret is not valid */
export function openStreamHome({ nats, clock, mayAct, hasJobs, wake, onStatus }: HomeOptions): StreamHome {
  const { auth, url, workerUrl, credentialSeconds } = nats;
  // The client reads the files at every connection.
  const { ca: caFile, cert: certFile, key: keyFile } = nats.tls;
  const tls: LinkOptions['tls'] = {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
  switch (auth.kind) {
    case 'accounts': {
      const { signingSeed, accountsSeed, systemCredsFile, limits, namespaceLimits } = auth;
      return new NamespaceAccounts({
        url,
        tls,
        workerUrl,
        systemCreds: textOf(systemCredsFile),
        keys: { signingSeed, accountsSeed },
        limitsOf: (namespace) => ({ ...limits, ...namespaceLimits.get(namespace) }),
        credentialSeconds,
        nowMs: () => clock.now(),
        mayAct,
        hasJobs,
        onChange: (namespace, uid) => (uid === null ? wake.namespace(namespace) : wake.part(uid)),
        onStatus,
      });
    }
    case 'signed':
      return shared(
        { creds: textOf(auth.credsFile) },
        credsIssuer({
          url: workerUrl,
          signingSeed: auth.seed,
          account: accountOfCreds(textOf(auth.credsFile)()),
          lifetime: { seconds: credentialSeconds, nowMs: () => clock.now() },
        }),
      );
    case 'password':
      return shared(auth.operator, passwordIssuer({ url: workerUrl, ...auth.workers }));
  }

  function shared(login: Omit<LinkOptions, 'url'>, issue: AccessIssuer): StreamHome {
    const admin = openStreams({ url, tls, ...login, onStatus: (event) => onStatus(null, event) }, mayAct);
    admin.watchAll((uid) => (uid === null ? wake.all() : wake.part(uid)));
    return new SharedAccount(admin, issue);
  }
}

/** @returns a function that reads the file at each attempt to connect, because secrets are rotated */
function textOf(file: string): () => string {
  return () => readTextSync(file);
}
