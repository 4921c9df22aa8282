/**
 * Known vulnerabilities of the npm packages that CycloneDX SBOMs name, by osv-scanner and a database on disk.
 *
 * Invariants:
 *  vulnerabilities/V1 No name of a package leaves this machine. Once osv-scanner is built, only `download` uses a network.
 *  vulnerabilities/V2 An answer is given only if the database is whole and holds advisories for npm, and osv-scanner says that it
 *    read every npm package of every SBOM. Everything else is a NotScanned.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, inflateRawSync } from 'node:zlib';

import { crc32c } from '@node-rs/crc32';
import yauzl from 'yauzl';

import { goProgram } from './go-program.ts';

const root = join(import.meta.dirname, '..');
/** Advisories that do not hold for us, each with its reason and its end. */
const accepted = join(root, 'scripts/osv-scanner/accepted.toml');
export const publicDatabase = 'https://osv-vulnerabilities.storage.googleapis.com/npm/all.zip';

/** A sentence for the person who scans: why there is no answer, and what to do. */
export class NotScanned extends Error {}

/** `unknown`: the advisory has none, as those of malicious packages often have. */
export type Severity = 'low' | 'medium' | 'high' | 'critical' | 'unknown';

export interface Finding {
  readonly name: string;
  readonly version: string;
  /** Identifiers of one vulnerability, in several collections. */
  readonly advisories: readonly string[];
  readonly severity: Severity;
  /** Versions, of all ranges of the advisories; empty = none is known. */
  readonly fixedIn: readonly string[];
  /** The SBOMs that name the package. */
  readonly files: readonly string[];
}

interface Advisory {
  readonly id: string;
  readonly modified: string;
  readonly database_specific?: { readonly severity?: unknown };
  readonly affected?: readonly {
    readonly package?: { readonly ecosystem?: string; readonly name?: string };
    readonly ranges?: readonly { readonly events?: readonly { readonly fixed?: string }[] }[];
  }[];
}
/** What osv-scanner writes with `--format=json`, as far as we read it. */
interface Report {
  readonly results: readonly {
    readonly source: { readonly path: string };
    readonly packages: readonly {
      readonly package: { readonly name: string; readonly version: string; readonly ecosystem: string };
      readonly vulnerabilities?: readonly Advisory[];
      /** `max_severity`: a CVSS score as text; empty = none of the advisories has one. */
      readonly groups?: readonly { readonly ids: readonly string[]; readonly max_severity: string }[];
    }[];
  }[];
}

/** Names of GitHub's advisories, in our words. */
const severityByName: Readonly<Record<string, Severity>> = {
  LOW: 'low',
  MODERATE: 'medium',
  HIGH: 'high',
  CRITICAL: 'critical',
};
const severities: readonly Severity[] = ['unknown', 'low', 'medium', 'high', 'critical'];

/** An advisory without a severity counts: it may be the worst. */
export const isSerious = (severity: Severity): boolean => ['unknown', 'high', 'critical'].includes(severity);

/** @param score CVSS, 0 to 10, as text; empty = unknown @returns the rating of CVSS 3 and 4; "none" counts as low */
export function severityOf(score: string): Severity {
  const value = Number.parseFloat(score);
  if (Number.isNaN(value)) return 'unknown';
  if (value >= 9) return 'critical';
  if (value >= 7) return 'high';
  return value >= 4 ? 'medium' : 'low';
}

const isMalicious = (id: string): boolean => id.startsWith('MAL-');

/** The worst that the advisories of one vulnerability say. */
function worstSeverity(score: string, advisories: readonly Advisory[]): Severity {
  const named = advisories.map(({ id, database_specific: { severity } = {} }) =>
    isMalicious(id) ? 'critical' : (severityByName[String(severity).toUpperCase()] ?? 'unknown'),
  );
  return [severityOf(score), ...named].reduce((worst, one) =>
    severities.indexOf(one) > severities.indexOf(worst) ? one : worst,
  );
}

function fixedVersions(name: string, advisories: readonly Advisory[]): string[] {
  const events = advisories
    .flatMap(({ affected = [] }) => affected)
    .filter((one) => one.package?.ecosystem === 'npm' && one.package.name === name)
    .flatMap(({ ranges = [] }) => ranges)
    .flatMap((range) => range.events ?? []);
  const versions = events.flatMap(({ fixed }) => (fixed === undefined ? [] : [fixed]));
  return [...new Set(versions)].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/**
 * Reads osv-scanner's report.
 * @returns `scanned`: `NAME@VERSION` of the npm packages that it read, by SBOM; `findings`: one for each vulnerability of a package
 */
export function readReport(json: string): { scanned: Map<string, Set<string>>; findings: Finding[] } {
  const { results } = JSON.parse(json) as Report;
  const scanned = new Map<string, Set<string>>();
  const findings = new Map<string, Finding>();
  for (const { source, packages } of results) {
    for (const { package: one, vulnerabilities = [], groups = [] } of packages) {
      if (one.ecosystem !== 'npm') continue;
      const ids = scanned.get(source.path) ?? new Set();
      scanned.set(source.path, ids.add(`${one.name}@${one.version}`));
      for (const { ids: advisories, max_severity: score } of groups) {
        const key = JSON.stringify([one.name, one.version, advisories]);
        const those = vulnerabilities.filter(({ id }) => advisories.includes(id));
        findings.set(key, {
          name: one.name,
          version: one.version,
          advisories,
          severity: worstSeverity(score, those),
          fixedIn: fixedVersions(one.name, those),
          files: [...new Set([...(findings.get(key)?.files ?? []), source.path])],
        });
      }
    }
  }
  return { scanned, findings: [...findings.values()] };
}

/** One line for a person. */
export function lineOf({ name, version, advisories, severity, fixedIn, files }: Finding): string {
  const fixed = fixedIn.length === 0 ? 'no fixed version is known' : `fixed in ${fixedIn.join(', ')}`;
  return `${name} ${version}: ${advisories.join(' ')}, severity ${severity}, ${fixed} (${files.map((file) => basename(file)).join(', ')})`;
}

interface Component {
  readonly purl?: string;
  readonly components?: readonly Component[];
}

/** `NAME@VERSION` by package URL, as in `pkg:npm/%40scope/name@1.2.3?qualifiers`; null for packages that are not of npm. */
function npmPackageOf(purl: string): string | null {
  const [, path] = /^pkg:npm\/([^?#]+)/.exec(purl) ?? [];
  return path === undefined ? null : decodeURIComponent(path);
}

/**
 * @returns `NAME@VERSION` of the npm packages of a CycloneDX SBOM
 * @throws NotScanned when the file is no such SBOM
 */
export function npmPackagesOf(file: string): Set<string> {
  // osv-scanner knows the format by the name, and passes over other files.
  if (!/(?:\.cdx\.json|^bom\.json)$/i.test(basename(file))) {
    throw new NotScanned(`${file}: not named as a CycloneDX SBOM. Name it bom.json or NAME.cdx.json.`);
  }
  if (!existsSync(file)) throw new NotScanned(`${file}: no such file. Check the path.`);
  let sbom: (Component & { readonly bomFormat?: string }) | null;
  try {
    sbom = JSON.parse(readFileSync(file, 'utf8')) as typeof sbom;
  } catch {
    throw new NotScanned(`${file}: not valid JSON. Make it again.`);
  }
  if (sbom?.bomFormat !== 'CycloneDX') throw new NotScanned(`${file}: not a CycloneDX SBOM. Name one.`);
  const found = new Set<string>();
  const add = ({ components = [] }: Component): void => {
    for (const one of components) {
      const id = npmPackageOf(one.purl ?? '');
      if (id !== null) found.add(id);
      add(one);
    }
  };
  add(sbom);
  return found;
}

/** Where osv-scanner looks below the folder of the database. */
export const databaseFile = (folder: string): string => join(folder, 'osv-scalibr/npm/all.zip');

/** What a person does without a usable database. */
const remedy = (folder: string): string =>
  `Run \`npm run scan -- --download --database ${folder}\` where there is a network; without one, copy that folder from there.`;

export interface Database {
  /** Of npm. */
  readonly advisories: number;
  /** When the newest of them was changed. */
  readonly newest: Date;
}

/** The text of a member. @throws Error when it is damaged */
function memberOf(archive: Buffer, { relativeOffsetOfLocalHeader: at, ...entry }: yauzl.Entry): string {
  // The library's stream for each of 200,000 members takes five times as long, and compares no checksum.
  const start = at + 30 + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
  const body = archive.subarray(start, start + entry.compressedSize);
  const content = entry.compressionMethod === 0 ? body : inflateRawSync(body);
  if (crc32(content) !== entry.crc32) throw new Error(`${entry.fileName} has another checksum`);
  return content.toString();
}

/**
 * Reads the whole database: osv-scanner passes over members that are damaged, and finds nothing in an empty one.
 * @throws NotScanned when it is missing or damaged, or holds no advisory for npm
 */
export async function readDatabase(folder: string): Promise<Database> {
  const file = databaseFile(folder);
  if (!existsSync(file)) throw new NotScanned(`${file}: there is no database of advisories. ${remedy(folder)}`);
  let advisories = 0;
  let newest = 0;
  try {
    const content = readFileSync(file);
    const archive = await yauzl.fromBufferPromise(content, { lazyEntries: true });
    for await (const entry of archive.eachEntry()) {
      if (!entry.fileName.endsWith('.json')) continue;
      const { affected = [], modified } = JSON.parse(memberOf(content, entry)) as Advisory;
      if (!affected.some((one) => one.package?.ecosystem === 'npm')) continue;
      advisories++;
      newest = Math.max(newest, Date.parse(modified));
    }
  } catch (error) {
    throw new NotScanned(`${file}: damaged (${(error as Error).message}). Remove it. ${remedy(folder)}`);
  }
  if (advisories === 0) throw new NotScanned(`${file}: holds no advisory for npm. Remove it. ${remedy(folder)}`);
  return { advisories, newest: new Date(newest) };
}

const downloadMs = 10 * 60_000;

/**
 * Replaces the database by the published one, once it is whole.
 * @throws NotScanned when the host does not give it
 */
export async function download(folder: string, url: string): Promise<void> {
  const file = databaseFile(folder);
  const part = `${file}.part`;
  mkdirSync(dirname(file), { recursive: true });
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(downloadMs) });
    if (!answer.ok || answer.body === null) throw new Error(`status ${String(answer.status)}`);
    let sum = 0;
    const summing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sum = crc32c(chunk, sum);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(answer.body), summing, createWriteStream(part));
    const [, wanted] = /crc32c=([^,\s]+)/.exec(answer.headers.get('x-goog-hash') ?? '') ?? [];
    if (wanted !== undefined && Buffer.from(wanted, 'base64').readUInt32BE() !== sum) {
      throw new Error('its checksum is another');
    }
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
    throw new NotScanned(`${url}: could not be downloaded (${why}). Check the network, or name a copy by --from.`);
  }
}

/**
 * Scans SBOMs.
 * @throws NotScanned when there is no answer (vulnerabilities/V2)
 */
export async function scan(
  files: readonly string[],
  folder: string,
): Promise<{ packages: number; database: Database; findings: Finding[] }> {
  const wanted = new Map(files.map((file) => [resolve(file), npmPackagesOf(file)]));
  const packages = new Set([...wanted.values()].flatMap((one) => [...one])).size;
  // One of our packages has no dependency; all SBOMs without any are a mistake.
  if (packages === 0) throw new NotScanned(`${files.join(', ')}: no npm package is named. Check how it was made.`);
  const database = await readDatabase(folder);
  const scanner = await goProgram('osv-scanner', 'github.com/google/osv-scanner/v2/cmd/osv-scanner');
  const sboms = [...wanted.keys()].flatMap((file) => ['--lockfile', file]);
  const { status, stdout, stderr, error } = spawnSync(
    scanner,
    [
      ...['scan', 'source', '--offline', '--local-db-path', resolve(folder), '--config', accepted],
      ...['--all-packages', '--all-vulns', '--no-ignore', '--format=json', ...sboms],
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 1024 * 1024 * 1024 },
  );
  if (error !== undefined) throw error;
  // 0: no finding; 1: findings; all else is a failure.
  if (status !== 0 && status !== 1) {
    throw new NotScanned(`osv-scanner ended with ${String(status)}: ${stderr.trim().split('\n').slice(-3).join(' ')}`);
  }
  const { scanned, findings } = readReport(stdout);
  for (const [file, ids] of wanted) {
    const missing = [...ids].filter((one) => scanned.get(file)?.has(one) !== true);
    if (missing.length === 0) continue;
    const some = missing.slice(0, 3).join(', ');
    throw new NotScanned(
      `${file}: osv-scanner did not read ${String(missing.length)} of ${String(ids.size)} packages (${some}). ` +
        'Each component needs its whole name, with the scope, and its version.',
    );
  }
  return { packages, database, findings };
}
