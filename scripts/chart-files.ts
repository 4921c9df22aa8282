/** The generated files of the chart: its CRD, the schema of its values and its README. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { renderValuesSchema, renderValuesTable, valuesFile } from './chart-values.ts';
import { renderTable } from './tables.ts';

const root = path.join(import.meta.dirname, '..');
const folder = 'charts/distillery';

/**
 * The CRD as a template of the chart, so that an upgrade of the release upgrades it. helm never deletes it.
 * @throws Error when helm would not read the CRD as plain text
 */
function renderCrdTemplate(source: string, sourceFile: string): string {
  const notice = `Generated from ${sourceFile} by scripts/generate.ts; change that file and run \`make generate\`.`;
  const name = /^metadata:\n {2}name: .*\n/m;
  if (!name.test(source) || source.includes('{{')) {
    throw new Error(
      `${sourceFile}: found no plain metadata.name, or {{, which helm would run; teach scripts/chart-files.ts`,
    );
  }
  const added = [
    '  labels: {{- include "distillery.labels" . | nindent 4 }}',
    '  annotations:',
    '    # Deleting the CRD would delete every job.',
    '    helm.sh/resource-policy: keep',
    '',
  ].join('\n');
  return `{{- if .Values.crds.install }}\n# ${notice}\n${source.replace(name, (found) => found + added)}{{- end }}\n`;
}

/** @param crdFile path of the CRD below the root @returns texts by the paths of their files */
export async function chartFiles(crdFile: string): Promise<[file: string, text: string][]> {
  const read = (file: string): Promise<string> => readFile(path.join(root, file), 'utf8');
  const [crd, values] = [await read(crdFile), await read(valuesFile)];
  const readme = `${folder}/README.md`;
  return [
    [`${folder}/templates/crd.yaml`, renderCrdTemplate(crd, crdFile)],
    [`${folder}/values.schema.json`, renderValuesSchema(values)],
    [readme, await renderTable(readme, 'values', valuesFile, renderValuesTable(values))],
  ];
}
