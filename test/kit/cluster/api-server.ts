/** The cluster's API server and its settings: certificates, authorization, audit log. */
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';

import { type AuditLevel, auditPolicy } from './audit.js';
import { Component } from './component.js';
import type { Authority, Credentials } from './pki.js';
import type { Processes } from './processes.js';
import { toolPath } from './tools.js';

export interface ApiServerOptions {
  readonly folder: string;
  /** Loopback, or the address of a bridge that pods reach. */
  readonly address: string;
  readonly port: number;
  readonly etcdUrl: string;
  readonly authority: Authority;
  /** What it shows its clients. */
  readonly server: Credentials;
  /** What it shows a kubelet. */
  readonly kubeletClient: Credentials;
  /** Signs the tokens of ServiceAccounts. */
  readonly tokenKey: { readonly privateFile: string; readonly publicFile: string };
  readonly audit: AuditLevel | null;
  /** What it shows servers that serve a part of its API; null = there are none. */
  readonly frontProxy: Credentials | null;
  /** More flags; the last of a name wins. */
  readonly args: readonly string[];
}

/** First address of the range below is the Service `kubernetes.default`. */
const serviceRange = '10.0.0.0/24';
export const serviceAddress = '10.0.0.1';

export function auditFile(folder: string): string {
  return join(folder, 'audit.log');
}

export async function apiServer(processes: Processes, options: ApiServerOptions): Promise<Component> {
  const { folder, address, port, authority, server, audit } = options;
  const args = flags(options);
  if (audit !== null) {
    const policy = join(folder, 'audit-policy.json');
    await writeFile(policy, JSON.stringify(auditPolicy(audit)));
    // One file: a test reads it by offset.
    args.push(`--audit-policy-file=${policy}`, `--audit-log-path=${auditFile(folder)}`, '--audit-log-maxsize=100000');
    await writeFile(auditFile(folder), '');
  }
  if (options.frontProxy !== null) args.push(...aggregationFlags(authority, options.frontProxy));
  args.push(...options.args);
  return new Component(processes, {
    name: 'kube-apiserver',
    command: toolPath('kube-apiserver'),
    args,
    isReady: () => isReady({ host: address, port }, authority, server),
  });
}

/** The name under which the API server hands requests on. */
export const frontProxyUser = 'front-proxy-client';

/** Parts of the API may be served by others (APIService), which believe this server who asks. */
function aggregationFlags(authority: Authority, { certificate, key }: Credentials): string[] {
  return [
    `--requestheader-client-ca-file=${authority.certificate}`,
    `--requestheader-allowed-names=${frontProxyUser}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--proxy-client-cert-file=${certificate}`,
    `--proxy-client-key-file=${key}`,
  ];
}

function flags(options: ApiServerOptions): string[] {
  const { address, port, etcdUrl, authority, server, kubeletClient, tokenKey } = options;
  const loopback = address.startsWith('127.');
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${address}`,
    `--secure-port=${port}`,
    // Endpoints may not name a loopback address: then no controller keeps those of the Service `kubernetes`.
    ...(loopback ? ['--endpoint-reconciler-type=none'] : [`--advertise-address=${address}`]),
    `--tls-cert-file=${server.certificate}`,
    `--tls-private-key-file=${server.key}`,
    `--client-ca-file=${authority.certificate}`,
    `--service-account-key-file=${tokenKey.publicFile}`,
    `--service-account-signing-key-file=${tokenKey.privateFile}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-cluster-ip-range=${serviceRange}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--kubelet-client-certificate=${kubeletClient.certificate}`,
    `--kubelet-client-key=${kubeletClient.key}`,
    `--kubelet-certificate-authority=${authority.certificate}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--profiling=false',
    // Without it, a server that is asked to end waits a minute for its watchers to go.
    '--shutdown-send-retry-after',
  ];
}

/** The certificate of the server serves as a client's, too: any that the authority issued may ask this. */
async function isReady(
  at: { readonly host: string; readonly port: number },
  authority: Authority,
  { certificate, key }: Credentials,
): Promise<boolean> {
  const [ca, cert, clientKey] = await Promise.all(
    [authority.certificate, certificate, key].map((file) => readFile(file)),
  );
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...at, path: '/readyz', ca, cert, key: clientKey, agent: false, timeout: 2_000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    asked
      .on('error', reject)
      .on('timeout', () => asked.destroy(new Error('no answer')))
      .end();
  });
}
