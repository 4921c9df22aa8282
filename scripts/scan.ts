/**
 * Scans the npm packages of images and packages for known vulnerabilities, with osv-scanner (built once from the module that
 * scripts/osv-scanner pins, needs `go`) and a database on disk. No network is used unless `--download` is given.
 *
 *   npm run scan                        SBOMs that are made from the lock file, one for each image and public package
 *   npm run scan -- FILE.cdx.json …     these CycloneDX SBOMs
 *   … --database FOLDER                 where the database is, default .cache/vulnerabilities: its file
 *                                       FOLDER/osv-scalibr/npm/all.zip holds a file of JSON for each advisory (OSV's format)
 *   … --download                        replaces the database first by the one that OSV publishes
 *   … --from URL                        downloads it from there
 *   npm run scan -- --self-check        instead: an invented advisory is found, and nothing is found where there is nothing
 *
 * Prints one line for each vulnerability of a package. Exit codes: 0 all packages were scanned, and none has a vulnerability of
 * high severity or above; 1 one has; 2 not scanned, or the self-check failed: prints why; 64 usage.
 * An advisory without a severity counts as high, one of a malicious package as critical.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { zipOf } from '../dist/test/kit/zip.js';

import { writeSbom, writeSboms } from './sbom.ts';
import {
  databaseFile,
  download,
  type Finding,
  isSerious,
  lineOf,
  NotScanned,
  npmPackagesOf,
  publicDatabase,
  scan,
} from './vulnerabilities.ts';

const root = join(import.meta.dirname, '..');
const usage = 'usage: npm run scan -- [--database FOLDER] [--download [--from URL]] [FILE.cdx.json …] | --self-check\n';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const count = (number: number, one: string, several: string): string =>
  `${String(number)} ${number === 1 ? one : several}`;

/** @returns whether a finding is of high severity or above */
async function report(files: readonly string[], database: string): Promise<boolean> {
  const { packages, database: known, findings } = await scan(files, database);
  for (const finding of findings) print(lineOf(finding));
  const serious = findings.filter(({ severity }) => isSerious(severity)).length;
  print(
    `${count(packages, 'package', 'packages')} of ${count(files.length, 'SBOM', 'SBOMs')}, ` +
      `${count(known.advisories, 'advisory', 'advisories')} up to ${known.newest.toISOString().slice(0, 10)}: ` +
      `${count(findings.length, 'vulnerability', 'vulnerabilities')}, ${String(serious)} of high severity or above`,
  );
  return serious > 0;
}

/** An advisory of OSV's format for the versions of a package from `introduced` to before `fixed`. */
function invented(name: string, introduced: string, fixed: string): object {
  return {
    schema_version: '1.7.0',
    id: 'TEST-0000-0001',
    modified: '2026-01-01T00:00:00Z',
    summary: 'invented',
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
    affected: [
      { package: { ecosystem: 'npm', name }, ranges: [{ type: 'SEMVER', events: [{ introduced }, { fixed }] }] },
    ],
  };
}

/** Scans an SBOM of ours for an invented advisory. @throws NotScanned when the scanner does not do what we rely on */
async function selfCheck(folder: string): Promise<void> {
  const sbom = join(folder, 'operator.cdx.json');
  writeSbom(sbom, '.');
  const scanFor = async (content: object): Promise<Finding[]> => {
    mkdirSync(dirname(databaseFile(folder)), { recursive: true });
    const member = { name: 'TEST-0000-0001.json', content: Buffer.from(JSON.stringify(content)) };
    writeFileSync(databaseFile(folder), zipOf([member]));
    return (await scan([sbom], folder)).findings;
  };
  // With and without a scope: their names are written in two ways in package URLs.
  const packages = [...npmPackagesOf(sbom)];
  for (const id of [packages.find((one) => one.startsWith('@')), packages.find((one) => !one.startsWith('@'))]) {
    if (id === undefined) throw new NotScanned(`${sbom}: expected packages with and without a scope`);
    const at = id.lastIndexOf('@');
    const [name, version] = [id.slice(0, at), id.slice(at + 1)];
    const [finding, ...others] = await scanFor(invented(name, version, '9999.0.0'));
    if (finding?.name !== name || finding.severity !== 'critical' || others.length > 0) {
      throw new NotScanned(`self-check: osv-scanner did not find the advisory that was invented for ${id}.`);
    }
    print(`found: ${lineOf(finding)}`);
    if ((await scanFor(invented(name, '0', version))).length > 0) {
      throw new NotScanned(`self-check: osv-scanner found an advisory in ${id} that was invented for older versions.`);
    }
    print(`not found: an advisory for ${name} before ${version}`);
  }
}

interface Command {
  readonly files: readonly string[];
  readonly database: string;
  /** null = no download. */
  readonly from: string | null;
  readonly isSelfCheck: boolean;
}

/** null = what was typed is no command. */
function readArguments(words: readonly string[]): Command | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        database: { type: 'string', default: join(root, '.cache/vulnerabilities') },
        download: { type: 'boolean', default: false },
        from: { type: 'string' },
        'self-check': { type: 'boolean', default: false },
      },
    });
    const { database, download: isDownload, from, 'self-check': isSelfCheck } = values;
    if (isSelfCheck && (positionals.length > 0 || isDownload)) return null;
    if (from !== undefined && !isDownload) return null;
    return { files: positionals, database, from: isDownload ? (from ?? publicDatabase) : null, isSelfCheck };
  } catch {
    return null;
  }
}

async function run({ files, database, from, isSelfCheck }: Command): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'distillery-scan-'));
  try {
    if (isSelfCheck) {
      await selfCheck(folder);
      return 0;
    }
    if (from !== null) await download(database, from);
    return (await report(files.length > 0 ? files : writeSboms(folder), database)) ? 1 : 0;
  } catch (error) {
    if (!(error instanceof NotScanned)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const command = readArguments(process.argv.slice(2));
if (command === null) process.stderr.write(usage);
process.exitCode = command === null ? 64 : await run(command);
