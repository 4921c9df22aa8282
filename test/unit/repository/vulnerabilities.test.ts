/** The scan for known vulnerabilities, without the scanner itself: `npm run scan -- --self-check` runs that. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';

import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { crc32c } from '@node-rs/crc32';

import { withFolder } from '../../kit/folder.js';
import { zipOf } from '../../kit/zip.js';

interface Finding {
  readonly name: string;
  readonly version: string;
  readonly advisories: readonly string[];
  readonly severity: string;
  readonly fixedIn: readonly string[];
  readonly files: readonly string[];
}
interface Vulnerabilities {
  readonly severityOf: (score: string) => string;
  readonly isSerious: (severity: string) => boolean;
  readonly readReport: (json: string) => { scanned: Map<string, Set<string>>; findings: Finding[] };
  readonly lineOf: (finding: Finding) => string;
  readonly npmPackagesOf: (file: string) => Set<string>;
  readonly readDatabase: (folder: string) => Promise<{ advisories: number; newest: Date }>;
  readonly download: (folder: string, url: string) => Promise<void>;
}

const root = join(import.meta.dirname, '../../..');
const inDatabase = 'osv-scalibr/npm/all.zip';
let vulnerabilities: Vulnerabilities;

beforeAll(async () => {
  vulnerabilities = (await import(
    new URL('../../../scripts/vulnerabilities.ts', import.meta.url).href
  )) as Vulnerabilities;
});

const advisoryOf = (id: string, name: string, more: object = {}, ecosystem = 'npm'): object => ({
  id,
  modified: '2026-11-29T10:00:00Z',
  affected: [
    { package: { ecosystem, name }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.10' }] }] },
  ],
  ...more,
});

describe('a severity', () => {
  test.each([
    ['9.8', 'critical', true],
    ['9.0', 'critical', true],
    ['8.9', 'high', true],
    ['7.0', 'high', true],
    ['6.9', 'medium', false],
    ['4.0', 'medium', false],
    ['3.9', 'low', false],
    ['0.0', 'low', false],
    ['', 'unknown', true],
  ])('of %s is %s', (score, severity, serious) => {
    expect(vulnerabilities.severityOf(score)).toBe(severity);
    expect(vulnerabilities.isSerious(severity)).toBe(serious);
  });
});

/** A report of osv-scanner about one package. */
function reportOn(
  score: string,
  advisories: readonly { readonly id: string }[],
  path = '/x/operator.cdx.json',
): string {
  const found = {
    package: { name: '@scope/a', version: '1.2.3', ecosystem: 'npm' },
    vulnerabilities: advisories,
    groups: [{ ids: advisories.map(({ id }) => id), max_severity: score }],
  };
  const clean = { package: { name: 'b', version: '2.0.0', ecosystem: 'npm' } };
  const other = { package: { name: 'libc', version: '1', ecosystem: 'Debian' } };
  return JSON.stringify({ results: [{ source: { path, type: 'sbom' }, packages: [found, clean, other] }] });
}

describe('a report of the scanner', () => {
  test('gives one line for each vulnerability, and the packages of npm that were read', () => {
    const advisory = advisoryOf('GHSA-1', '@scope/a') as { id: string };
    const { scanned, findings } = vulnerabilities.readReport(reportOn('7.5', [advisory]));
    expect([...scanned]).toEqual([['/x/operator.cdx.json', new Set(['@scope/a@1.2.3', 'b@2.0.0'])]]);
    expect(findings.map((one) => vulnerabilities.lineOf(one))).toEqual([
      '@scope/a 1.2.3: GHSA-1, severity high, fixed in 1.2.10 (operator.cdx.json)',
    ]);
  });

  test('names a vulnerability once that several SBOMs have', () => {
    const advisory = advisoryOf('GHSA-1', '@scope/a') as { id: string };
    const reports = ['/x/operator.cdx.json', '/x/worker.cdx.json'].map(
      (path) => JSON.parse(reportOn('7.5', [advisory], path)) as { results: object[] },
    );
    const both = JSON.stringify({ results: reports.flatMap(({ results }) => results) });
    const { findings } = vulnerabilities.readReport(both);
    expect(findings.map(({ files }) => files)).toEqual([['/x/operator.cdx.json', '/x/worker.cdx.json']]);
  });

  test.each([
    ['the score', '5.0', [{}], 'medium'],
    ["GitHub's word, where it is worse than the score", '5.0', [{ database_specific: { severity: 'HIGH' } }], 'high'],
    ["GitHub's word, without a score", '', [{ database_specific: { severity: 'MODERATE' } }], 'medium'],
    ['the worst of several advisories', '', [{}, { database_specific: { severity: 'LOW' } }], 'low'],
    ['unknown, without either', '', [{}], 'unknown'],
    ['critical, of a malicious package', '', [{}, { id: 'MAL-2026-1' }], 'critical'],
  ])('has as severity %s', (_what, score, advisories, severity) => {
    const those = advisories.map(
      (more, at) => advisoryOf(`GHSA-${String(at)}`, '@scope/a', more) as { readonly id: string },
    );
    expect(vulnerabilities.readReport(reportOn(score, those)).findings.map((one) => one.severity)).toEqual([severity]);
  });

  test('names the versions that fix this package, and says when there is none', () => {
    const elsewhere = advisoryOf('GHSA-1', 'other-package') as { id: string };
    const [none] = vulnerabilities.readReport(reportOn('7.5', [elsewhere])).findings;
    expect(none === undefined ? '' : vulnerabilities.lineOf(none)).toContain('no fixed version is known');
  });
});

const sbomOf = (components: readonly object[]): string => JSON.stringify({ bomFormat: 'CycloneDX', components });

describe('an SBOM', () => {
  test('names its packages of npm by their package URLs, nested ones too', async () => {
    const inner = { purl: 'pkg:npm/b@2.0.0%2B1?vcs_url=x' };
    const components = [{ purl: 'pkg:npm/%40scope/a@1.2.3', components: [inner] }, { purl: 'pkg:deb/debian/libc6@2' }];
    const packages = await withFolder({ 'bom.json': sbomOf(components) }, (folder) =>
      Promise.resolve(vulnerabilities.npmPackagesOf(join(folder, 'bom.json'))),
    );
    expect(packages).toEqual(new Set(['@scope/a@1.2.3', 'b@2.0.0+1']));
  });

  test.each([
    ['that is missing', 'x.cdx.json', null, 'no such file'],
    ['of another name', 'x.json', sbomOf([]), 'not named as a CycloneDX SBOM'],
    ['that is cut', 'x.cdx.json', '{"bomFormat": "Cyc', 'not valid JSON'],
    ['of nothing', 'x.cdx.json', 'null', 'not a CycloneDX SBOM'],
    ['of another format', 'x.cdx.json', '{"spdxVersion": "SPDX-2.3"}', 'not a CycloneDX SBOM'],
  ])('%s is refused', async (_what, name, content, want) => {
    const read = withFolder(content === null ? {} : { [name]: content }, (folder) =>
      Promise.resolve(vulnerabilities.npmPackagesOf(join(folder, name))),
    );
    await expect(read).rejects.toThrow(want);
  });
});

const member = (advisory: object, name = 'GHSA-1.json'): { name: string; content: Buffer } => ({
  name,
  content: Buffer.from(JSON.stringify(advisory)),
});
/** The same with another byte at a place. */
function changed(content: Uint8Array, at: number): Uint8Array {
  const bytes = Uint8Array.from(content);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}
const database = zipOf([member(advisoryOf('GHSA-1', 'a')), member(advisoryOf('GHSA-2', 'b'), 'GHSA-2.json')]);

describe('a database', () => {
  test('says how many advisories it holds, and how new they are', async () => {
    const old = member(advisoryOf('GHSA-3', 'a', { modified: '2020-01-01T00:00:00Z' }), 'GHSA-3.json');
    const other = member(advisoryOf('GHSA-4', 'a', { modified: '2027-01-01T00:00:00Z' }, 'PyPI'), 'GHSA-4.json');
    const all = zipOf([old, member(advisoryOf('GHSA-1', 'a')), other]);
    await withFolder({ [inDatabase]: all }, async (folder) => {
      const newest = new Date('2026-11-29T10:00:00Z');
      expect(await vulnerabilities.readDatabase(folder)).toEqual({ advisories: 2, newest });
    });
  });

  test.each([
    ['that is missing', null, 'there is no database'],
    ['that is empty', zipOf([]), 'holds no advisory for npm'],
    ['of another ecosystem', zipOf([member(advisoryOf('GHSA-1', 'a', {}, 'PyPI'))]), 'holds no advisory for npm'],
    ['without an advisory', zipOf([{ name: 'README', content: Buffer.from('x') }]), 'holds no advisory for npm'],
    ['that is cut', database.subarray(0, -30), 'damaged'],
    ['with another byte in an advisory', changed(database, 60), 'damaged'],
    ['of something else', zipOf([{ name: 'x.json', content: Buffer.from('x') }]), 'damaged'],
  ])('%s is refused, with what to do', async (_what, content, want) => {
    await withFolder(content === null ? {} : { [inDatabase]: content }, async (folder) => {
      await expect(vulnerabilities.readDatabase(folder)).rejects.toThrow(want);
      await expect(vulnerabilities.readDatabase(folder)).rejects.toThrow('npm run scan -- --download');
    });
  });
});

test('each advisory that is accepted has an end and a reason', () => {
  const lines = readFileSync(join(root, 'scripts/osv-scanner/accepted.toml'), 'utf8').split('\n');
  const entries = lines.filter((line) => line !== '' && !line.startsWith('#')).join('\n');
  const entry = String.raw`\[\[IgnoredVulns\]\]\nid = "[\w-]+"\nignoreUntil = \d{4}-\d\d-\d\d\nreason = ".{10,}"\n?`;
  expect(entries).toMatch(new RegExp(`^(?:${entry})*$`));
});

describe('a download', () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.close();
    server = null;
  });

  /** A server that answers every request so. @returns its address */
  async function serve(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): Promise<string> {
    const made = createServer((_request, response) =>
      response.writeHead(status, { ...headers, connection: 'close' }).end(body),
    );
    server = made;
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((made.address() as AddressInfo).port)}/npm/all.zip`;
  }
  function hashOf(content: Uint8Array): string {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32c(content));
    return `crc32c=${sum.toString('base64')}`;
  }

  test('makes a database', async () => {
    const url = await serve(200, { 'x-goog-hash': hashOf(database) }, database);
    await withFolder({}, async (folder) => {
      await vulnerabilities.download(folder, url);
      expect(await vulnerabilities.readDatabase(folder)).toMatchObject({ advisories: 2 });
    });
  });

  test.each([
    ['that is refused', 404, {}, 'status 404'],
    ['with another checksum', 200, { 'x-goog-hash': hashOf(Buffer.from('x')) }, 'its checksum is another'],
    ['that is cut', 200, { 'content-length': String(database.length + 1) }, 'could not be downloaded'],
  ])('%s leaves the database that is there', async (_what, status, headers, want) => {
    const url = await serve(status, headers, database);
    await withFolder({ [inDatabase]: 'before' }, async (folder) => {
      await expect(vulnerabilities.download(folder, url)).rejects.toThrow(want);
      expect(readFileSync(join(folder, inDatabase), 'utf8')).toBe('before');
      expect(existsSync(join(folder, `${inDatabase}.part`))).toBe(false);
    });
  });

  test('without a network says what to do', async () => {
    const url = await serve(200, {}, database);
    server?.close();
    await withFolder({}, async (folder) => {
      await expect(vulnerabilities.download(folder, url)).rejects.toThrow('Check the network');
    });
  });
});

describe('the command', () => {
  const scan = (...words: readonly string[]): { status: number | null; stderr: string } =>
    spawnSync(process.execPath, [join(root, 'scripts/scan.ts'), ...words], { encoding: 'utf8' });

  test.each([[['--databases', 'x']], [['--self-check', 'x.cdx.json']], [['--from', 'http://127.0.0.1']]])(
    'answers %j with its usage and 64',
    (words) => {
      const { status, stderr } = scan(...words);
      expect(stderr).toContain('usage: npm run scan');
      expect(status).toBe(64);
    },
  );

  test.each([
    ['without a database', [{ name: 'a', version: '1.0.0', purl: 'pkg:npm/a@1.0.0' }], 'there is no database'],
    ['of SBOMs without a package', [{ purl: 'pkg:deb/debian/libc6@2' }], 'no npm package is named'],
  ])('%s never says that nothing was found', async (_what, components, want) => {
    const { status, stderr } = await withFolder({ 'x.cdx.json': sbomOf(components) }, (folder) =>
      Promise.resolve(scan('--database', join(folder, 'none'), join(folder, 'x.cdx.json'))),
    );
    expect(stderr).toContain(want);
    expect(status).toBe(2);
  });
});
