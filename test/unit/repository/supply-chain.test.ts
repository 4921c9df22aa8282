/** What is said of the packages that are shipped: bills of materials, notices, signatures. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

interface Shipped {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}
interface Notices {
  readonly shippedPackages: (folders?: readonly string[]) => Shipped[];
  readonly noticesOf: (packages: readonly (Shipped & { path: string; isOfOnePlatform: boolean })[]) => string;
  readonly refusedLicenses: (expression: string) => string[];
}
interface Sbom {
  readonly writeSbom: (file: string, folder: string) => void;
}
interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly unknown[];
}

const root = join(import.meta.dirname, '../../..');
const script = (name: string): string => new URL(`../../../scripts/${name}.ts`, import.meta.url).href;
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'distillery-sbom-'));
let notices: Notices;
let sbom: Sbom;
let isCycloneDx: ValidateFunction;

beforeAll(async () => {
  notices = (await import(script('notices'))) as Notices;
  sbom = (await import(script('sbom'))) as Sbom;
  const schema = (name: string): object =>
    JSON.parse(textOf(`node_modules/@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`)) as object;
  // The schema's formats of texts, such as internationalized e-mail addresses, are not known to ajv.
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true });
  // Named as the main schema refers to them.
  for (const part of ['jsf-0.82', 'spdx']) {
    ajv.addSchema({ ...schema(part), $id: `http://cyclonedx.org/schema/${part}.SNAPSHOT.schema.json` });
  }
  isCycloneDx = ajv.compile(schema('bom-1.5'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  ['the operator and the command', '.', ''],
  ['the workers', 'workers', 'workers'],
])('the bill of materials of %s', (_what, of, inLock) => {
  test('is valid CycloneDX, and names every package that is shipped, with its license', () => {
    const file = join(folder, 'bom.json');
    sbom.writeSbom(file, of);
    const written = JSON.parse(readFileSync(file, 'utf8')) as { components: Component[]; specVersion: string };
    expect(written.specVersion).toBe('1.5');
    isCycloneDx(written);
    expect(isCycloneDx.errors ?? []).toEqual([]);
    const listed = new Map(written.components.map((one) => [`${one.name}@${one.version}`, one]));
    const shipped = notices.shippedPackages([inLock]);
    expect(shipped.length).toBeGreaterThan(20);
    expect(shipped.map(({ name, version }) => `${name}@${version}`).filter((id) => !listed.has(id))).toEqual([]);
    const withoutLicense = written.components.filter(({ licenses = [] }) => licenses.length === 0);
    expect(withoutLicense.map(({ name }) => name)).toEqual([]);
  });
});

test('a bill that lacks a name is not valid: the check can fail', () => {
  isCycloneDx({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1, components: [{ type: 'library' }] });
  expect(isCycloneDx.errors?.map(({ message }) => message)).toEqual([expect.stringContaining("'name'")]);
});

describe('the notices', () => {
  test('are those of the lock file', () => {
    const text = textOf('THIRD-PARTY-NOTICES');
    const missing = notices
      .shippedPackages()
      .filter((one) => !text.includes(`${one.name} ${one.version} (${one.license})`));
    expect(missing).toEqual([]);
  });

  test('accept no license beyond the list', () => {
    for (const license of ['MIT', '(MIT OR GPL-3.0-only)', '(Apache-2.0 AND BSD-3-Clause)']) {
      expect(notices.refusedLicenses(license)).toEqual([]);
    }
    expect(notices.refusedLicenses('MIT AND AGPL-3.0-only')).toEqual(['AGPL-3.0-only']);
    expect(notices.refusedLicenses('none')).toEqual(['none']);
    const unknown = { path: 'x', name: 'x', version: '1', license: 'BUSL-1.1', isOfOnePlatform: false };
    expect(() => notices.noticesOf([unknown])).toThrow('x 1: BUSL-1.1');
  });
});

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: Record<string, string>;
  readonly steps: readonly { uses?: string; run?: string; with?: Record<string, unknown> }[];
}
const releaseJobs = (): Record<string, Job> =>
  (parse(textOf('.github/workflows/release.yaml')) as { jobs: Record<string, Job> }).jobs;

test('the release is scanned for known vulnerabilities before anything is published', () => {
  const { build, ...others } = releaseJobs();
  const places = (what: RegExp): number[] =>
    (build?.steps ?? []).flatMap(({ uses = '', run = '' }, at) => (what.test(`${uses}${run}`) ? [at] : []));
  const [made = Infinity] = places(/npm run --silent release/);
  const [scanned = -1] = places(/npm run --silent scan -- --download dist\/release\/\*\.cdx\.json$/m);
  const [uploaded = -1] = places(/upload-artifact/);
  expect(scanned).toBeGreaterThan(made);
  expect(uploaded).toBeGreaterThan(scanned);
  expect(Object.keys(others).filter((name) => ![others[name]?.needs].flat().includes('build'))).toEqual([]);
});

test('the release signs what it publishes', () => {
  const jobs = releaseJobs();
  const runs = (job: string): string => (jobs[job]?.steps ?? []).map(({ run = '' }) => run).join('\n');
  // By job: what it publishes, and what signs that.
  const wanted: [string, RegExp, RegExp][] = [
    ['index', /imagetools create/, /cosign sign --yes --recursive "\$IMAGE@\$digest"/],
    ['chart', /helm push/, /cosign sign --yes "\$REGISTRY\/charts\/distillery@\$digest"/],
    ['npm', /npm publish/, /npm publish .*--provenance/],
    ['notes', /gh release create/, /cosign sign-blob --yes --bundle SHA256SUMS\.sigstore\.json SHA256SUMS/],
  ];
  for (const [job, publishes, signs] of wanted) {
    expect(runs(job)).toMatch(publishes);
    expect(runs(job)).toMatch(signs);
    expect(jobs[job]?.permissions).toMatchObject({ 'id-token': 'write' });
  }
  const build = jobs.image?.steps.find((step) => step.with?.target !== undefined);
  expect(build?.with).toMatchObject({ sbom: true, provenance: 'mode=max' });
});
