/**
 * Writes the API report of each package that is published: `api.md` lists the exports of its door, with types, so that
 * reviews show changes of the API. With `--check` it writes nothing, prints the reports that differ and exits 1. Reads the
 * build's output.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';

import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

import { publicPackages } from './workspaces.ts';

const root = join(import.meta.dirname, '..');

/** @param folder of the package, relative to the root. @throws Error when its declarations cannot be read */
function reportOf(folder: string, temporary: string): string {
  const packageFolder = join(root, folder);
  const name = basename(folder);
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: packageFolder,
      mainEntryPointFilePath: join(packageFolder, 'dist/index.d.ts'),
      compiler: { tsconfigFilePath: join(packageFolder, 'tsconfig.json'), skipLibCheck: true },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: temporary,
        reportTempFolder: join(temporary, 'fresh'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        // The report ignores release tags (@public, @beta) and the grammar of doc comments.
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(packageFolder, 'package.json'),
  });
  const result = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      // Hides the report's path and the notice that its TypeScript version differs from ours.
      if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
    },
  });
  if (!result.succeeded) throw new Error(`${folder}: api-extractor found ${String(result.errorCount)} errors`);
  return readFileSync(join(temporary, `${name}.api.md`), 'utf8');
}

const isCheck = process.argv.includes('--check');
const temporary = mkdtempSync(join(tmpdir(), 'distillery-api-'));
try {
  for (const folder of publicPackages()) {
    const file = join(folder, 'api.md');
    const report = reportOf(folder, temporary);
    let standing = '';
    try {
      standing = readFileSync(join(root, file), 'utf8');
    } catch {
      // The first report of a package.
    }
    if (standing === report) continue;
    if (isCheck) {
      process.stderr.write(`${file} differs; run \`npm run generate\`\n`);
      process.exitCode = 1;
    } else {
      writeFileSync(join(root, file), report);
      process.stdout.write(`wrote ${file}\n`);
    }
  }
} finally {
  rmSync(temporary, { recursive: true });
}
