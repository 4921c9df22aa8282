/**
 * A certificate authority for one cluster: issues the certificates of its servers and clients through the `openssl`
 * command (Node has no X.509 issuing of its own). All files are in one folder that is deleted with the cluster.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { codeOf } from '@distillery/base';

const run = promisify(execFile);
const usualDays = 30;

export interface Subject {
  /** The user's name, for Kubernetes. */
  readonly commonName: string;
  /** The user's groups. */
  readonly organizations?: readonly string[];
  /** Alternative names of a server, in the syntax of openssl: `IP:127.0.0.1`, `DNS:localhost`. */
  readonly names?: readonly string[];
  /** Days until the certificate ends; absent = 30. */
  readonly days?: number;
}
/** Paths of two PEM files. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
}

export class Authority {
  readonly certificate: string;
  readonly #key: string;
  readonly #folder: string;
  readonly #configuration: string;

  /** @param folder is created */
  static async create(folder: string): Promise<Authority> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const authority = new Authority(folder);
    // Without our own configuration openssl reads the machine's, which may add extensions.
    await writeFile(authority.#configuration, '[req]\ndistinguished_name = dn\n[dn]\n');
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,digitalSignature'];
    await authority.#request(authority.certificate, authority.#key, '/CN=distillery-test', extensions, []);
    return authority;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.certificate = join(folder, 'ca.crt');
    this.#key = join(folder, 'ca.key');
    this.#configuration = join(folder, 'openssl.cnf');
  }

  /** @param file names the two files; issuing again under one name replaces them */
  async issue(
    file: string,
    { commonName, organizations = [], names = [], days = usualDays }: Subject,
  ): Promise<Credentials> {
    const issued = { certificate: join(this.#folder, `${file}.crt`), key: join(this.#folder, `${file}.key`) };
    const subject = [...organizations.map((name) => ['O', name]), ['CN', commonName]]
      .map(([field = '', value = '']) => `/${field}=${value.replaceAll(/[\\/+]/g, '\\$&')}`)
      .join('');
    const extensions = ['basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=clientAuth,serverAuth'];
    if (names.length > 0) extensions.push(`subjectAltName=${names.join(',')}`);
    const signer = ['-CA', this.certificate, '-CAkey', this.#key];
    await this.#request(issued.certificate, issued.key, subject, extensions, signer, days);
    return issued;
  }

  async #request(
    certificate: string,
    key: string,
    subject: string,
    extensions: readonly string[],
    signer: readonly string[],
    days = usualDays,
  ): Promise<void> {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', String(days)];
    const files = ['-config', this.#configuration, '-keyout', key, '-out', certificate];
    const added = extensions.flatMap((extension) => ['-addext', extension]);
    try {
      await run('openssl', ['req', '-x509', '-new', ...kind, ...files, '-subj', subject, ...added, ...signer]);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      throw new Error('openssl: found no such command, expected OpenSSL 3; install it to issue certificates', {
        cause: error,
      });
    }
    await chmod(key, 0o600);
  }
}
