/**
 * Writes all generated files. From the API's only source, crds/distilljobs.yaml: the TypeScript types, the schema as a
 * constant (so that src/api reads no file), docs/reference/api.md (with the grammar of uris) and the chart's template. From
 * charts/distillery/values.yaml: the schema of its values and the table in the chart's README. From
 * code: the lists of metrics and of the operator's settings, the dashboards (scripts/dashboards), the table of rooms in
 * docs/architecture.md, that of exit codes in docs/protocol.md, those of presets in docs/models.md, the values of
 * DISTILL_RUNTIME in the pages that explain it, and the files of integrations that follow from others (argocd.ts). With
 * `--check` it writes nothing, prints the files that differ and exits 1. The output depends only on these sources.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { alternatives, markdownTable } from '@distillery/base';
import { exitCodeRows, runtimeChoices, studentModelRules, uriForms, uriRules } from '@distillery/protocol';
import { compile } from 'json-schema-to-typescript';
import { parse } from 'yaml';

import { configurationFields, configurationVersion, type Field } from '../dist/src/operator/configuration.js';
import { operatorVariables, type Variable } from '../dist/src/operator/variables.js';
import { metricDescriptions } from '../dist/src/telemetry/index.js';
import { fieldWords, formatWords } from '../dist/workers/data/words.js';
import { argoFiles } from './argocd.ts';
import { dashboardFiles } from './dashboards/index.ts';
import { presetParametersTable, presetsTable } from './preset-tables.ts';
import { chartFiles } from './chart-files.ts';
import { writeGenerated } from './generated.ts';
import { readRooms, roomsFile, roomsTable } from './rooms.ts';
import { renderTable, withTable } from './tables.ts';

interface Rule {
  readonly rule: string;
  readonly message: string;
}

interface Schema {
  type?: string;
  description?: string;
  title?: string;
  default?: unknown;
  enum?: (string | number)[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  required?: string[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  tsType?: string;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-validations'?: Rule[];
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const root = path.join(import.meta.dirname, '..');
const sourceFile = 'crds/distilljobs.yaml';
const exitCodesFile = 'packages/protocol/src/exit-codes.ts';
const notice = `Generated from ${sourceFile} by scripts/generate.ts; change that file and run \`make generate\`.`;

/** Fields that the API server defines itself; a CRD may not list them. */
const objectMeta: Schema = {
  type: 'object',
  description: "Kubernetes' ObjectMeta, as far as a file or the API server gives it.",
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 253, description: 'Name of the job: a DNS label of at most 63.' },
    namespace: { type: 'string', minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    finalizers: { type: 'array', items: { type: 'string' } },
    ownerReferences: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
    uid: { type: 'string' },
    resourceVersion: { type: 'string' },
    generation: { type: 'integer' },
    creationTimestamp: { type: 'string' },
    deletionTimestamp: { type: 'string' },
    deletionGracePeriodSeconds: { type: 'integer' },
    generateName: { type: 'string' },
    managedFields: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  },
};

function pascal(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

/** Name of the type at a path of field names: DistillJobSpec, Teacher, TeacherPool, StudentOptimizer, StatusProgress. */
function typeName(fields: readonly string[], isItem: boolean): string {
  const [first, ...rest] = fields;
  if (first === undefined) return 'DistillJob';
  if (first === 'metadata') return 'ObjectMeta';
  if (rest.length === 0) return `DistillJob${pascal(first)}`;
  const words = first === 'spec' ? rest : fields;
  const name = words.map(pascal).join('');
  return isItem ? name.replace(/s$/, '') : name;
}

/**
 * The schema as json-schema-to-typescript wants it.
 * `resolved`: fields with a default are required (after defaulting). `draft`: they are optional (as users write them).
 */
function forTypes(
  schema: Schema,
  variant: 'resolved' | 'draft',
  fields: readonly string[] = [],
  isItem = false,
): Schema {
  const out: Schema = {};
  if (schema.description !== undefined) out.description = schema.description;
  if (schema['x-kubernetes-int-or-string'] === true) return { ...out, tsType: 'number | string' };
  if (schema.enum !== undefined) return { ...out, enum: schema.enum };
  if (schema.type !== undefined) out.type = schema.type;
  if (schema.items !== undefined) out.items = forTypes(schema.items, variant, fields, true);
  if (schema.type !== 'object') return out;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return { ...out, tsType: 'Record<string, unknown>' };
  if (typeof schema.additionalProperties === 'object') return { ...out, tsType: 'Record<string, string>' };
  const properties = Object.entries(schema.properties ?? {});
  out.title = typeName(fields, isItem) + (variant === 'draft' && fields[0] !== 'metadata' ? 'Draft' : '');
  out.additionalProperties = false;
  out.properties = Object.fromEntries(
    properties.map(([name, field]) => [name, forTypes(field, variant, [...fields, name])]),
  );
  out.required = properties
    .filter(
      ([name, field]) =>
        (schema.required ?? []).includes(name) ||
        // The status that a job is created with is the API server's; a job from a file has none.
        (variant === 'resolved' && field.default !== undefined && !(fields.length === 0 && name === 'status')),
    )
    .map(([name]) => name);
  return out;
}

async function renderTypes(schema: Schema, apiVersion: string, kind: string): Promise<string> {
  const whole: Schema = {
    ...schema,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      ...schema.properties,
      apiVersion: { ...schema.properties?.apiVersion, enum: [apiVersion] },
      kind: { ...schema.properties?.kind, enum: [kind] },
    },
  };
  const written = Object.fromEntries(Object.entries(whole.properties ?? {}).filter(([name]) => name !== 'status'));
  const options = { bannerComment: '', style: { printWidth: 120, singleQuote: true }, maxItems: -1 } as const;
  const resolved = await compile(forTypes(whole, 'resolved') as object, 'DistillJob', options);
  const draft = await compile(
    forTypes({ ...whole, properties: written }, 'draft') as object,
    'DistillJobDraft',
    options,
  );
  // ObjectMeta is the same in both.
  const draftAlone = draft.replace(/\/\*\*(?:(?!\*\/)[^])*\*\/\nexport interface ObjectMeta \{[^]*?\n\}\n/, '');
  return [
    `/** ${notice} */`,
    '',
    '// A job as the API server stores it: every default is filled in. The rest of the code uses these.',
    '',
    resolved,
    '// A job as a person writes it: what has a default may be left out.',
    '',
    draftAlone,
  ].join('\n');
}

function renderSchema(schema: Schema): string {
  return [
    `/** ${notice} */`,
    "import type { Schema } from '../schema/index.js';",
    '',
    '/** The schema of a whole DistillJob; `metadata` holds the fields that the API server itself knows. */',
    `export const jobSchema: Schema = ${JSON.stringify(schema, null, 2)};`,
    '',
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

function typeWords(schema: Schema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'amount (`2Gi`)';
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (schema.type === 'array')
    return `list of ${schema.items?.type === 'object' ? 'objects' : `${schema.items?.type ?? 'value'}s`}`;
  return schema.type ?? 'any';
}

function boundWords(schema: Schema): string {
  const words: string[] = [];
  const { minimum, maximum, exclusiveMinimum, minItems, maxItems, maxLength } = schema;
  if (minimum !== undefined) words.push(exclusiveMinimum === true ? `> ${String(minimum)}` : `≥ ${String(minimum)}`);
  if (maximum !== undefined) words.push(`≤ ${String(maximum)}`);
  if (minItems !== undefined) words.push(`at least ${String(minItems)}`);
  if (maxItems !== undefined) words.push(`at most ${String(maxItems)}`);
  if (maxLength !== undefined && schema.enum === undefined) words.push(`at most ${String(maxLength)} characters`);
  return words.join(', ');
}

function defaultWords(schema: Schema, isRequired: boolean): string {
  if (isRequired) return '**required**';
  if (schema.default === undefined) return '';
  return `\`${JSON.stringify(schema.default)}\``;
}

function hasTable(schema: Schema | undefined): boolean {
  return schema?.properties !== undefined;
}

/** One section per object, followed by those of its parts. */
function renderObject(where: string, schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    const about = [field.description ?? '', boundWords(field)].filter((part) => part !== '').join(' ');
    return `| \`${name}\` | ${cell(typeWords(field))} | ${cell(defaultWords(field, isRequired))} | ${cell(about)} |`;
  });
  const rules = [
    schema,
    ...Object.values(schema.properties ?? {}).filter((field) => !hasTable(field) && !hasTable(field.items)),
  ]
    .flatMap((node) => (node['x-kubernetes-validations'] ?? []).map((rule) => ({ node, rule })))
    .map(({ node, rule }) => {
      const name = Object.entries(schema.properties ?? {}).find(([, field]) => field === node)?.[0];
      return `- ${name === undefined ? '' : `\`${name}\` `}${rule.message.replaceAll('*', String.raw`\*`)}.`;
    });
  const parts = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    if (hasTable(field)) return [renderObject(`${where}.${name}`, field)];
    if (field.items !== undefined && hasTable(field.items)) return [renderObject(`${where}.${name}[]`, field.items)];
    return [];
  });
  return [
    `## ${where}`,
    '',
    ...(schema.description === undefined ? [] : [schema.description, '']),
    '| field | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...(rules.length === 0 ? [] : ['Rules:', '', ...rules, '']),
    ...parts,
  ].join('\n');
}

function renderUris(): string {
  const rows = Object.values(uriForms).map(({ form, names }) => `| \`${form}\` | ${cell(names)} |`);
  return [
    '## Uris',
    '',
    'The scheme may be in upper or lower case. A space is written `%20`, `#` `%23`, `?` `%3F`, `%` `%25`: `file://my%20data` is',
    'the folder `my data`, `file://data%232` is `data#2`. Every other character, `:` and letters of all alphabets among them,',
    'stands for itself, as it is spelled on the disk.',
    '',
    '| uri | names |',
    '| --- | --- |',
    ...rows,
    '',
    'Rules, in this order:',
    '',
    ...uriRules.map(({ clause, remedy }) => `- ${clause}; ${remedy}.`),
    '',
    "The student's model may also be a preset, with one more rule:",
    '',
    ...studentModelRules.slice(uriRules.length).map(({ clause, remedy }) => `- ${clause}; ${remedy}.`),
    '',
  ].join('\n');
}

function renderReference(crd: Crd, schema: Schema, apiVersion: string): string {
  const { kind, plural, shortNames } = crd.spec.names;
  const spec = schema.properties?.spec;
  const status = schema.properties?.status;
  if (spec === undefined || status === undefined)
    throw new Error(`${sourceFile}: found no spec or status, expected both`);
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule) => `- ${rule.message}.`);
  return (
    [
      `<!-- ${notice} -->`,
      '',
      `# ${kind}`,
      '',
      `\`apiVersion: ${apiVersion}\`, \`kind: ${kind}\`; \`kubectl get ${plural}\` or \`kubectl get ${shortNames.join(', ')}\`.`,
      '`distill validate FILE` checks the same schema and the same rules as the API server.',
      '',
      'Rules of the whole object:',
      '',
      ...rules,
      '',
      renderObject('spec', spec),
      renderObject('status', status),
      renderUris(),
    ]
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trimEnd() + '\n'
  );
}

function renderMetrics(): string {
  const rows = metricDescriptions.map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return [
    '# Metrics of the operator',
    '',
    'Generated from src/telemetry/catalog.ts by scripts/generate.ts. Served at `/metrics`, beside those of the Node process.',
    '',
    '| name | type | labels | what it says |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function renderVariables(): string {
  const rows = Object.entries<Variable<unknown>>(operatorVariables).map(([name, { meaning, fallback, field }]) => {
    const same = field === undefined ? '' : ` Sets the same as \`${field.path}\` of the configuration file, and wins.`;
    return `| \`${name}\` | ${fallback === null ? '**required**' : fallback === '' ? '' : `\`${fallback}\``} | ${cell(meaning)}${same} |`;
  });
  return [
    "# The operator's environment",
    '',
    'Generated from src/operator/variables.ts by scripts/generate.ts. The chart sets all of them; [operator.md](../operator.md)',
    'explains how they belong together. An empty variable counts as absent. The operator checks all variables and the',
    '[configuration file](operator-configuration.md) when it starts, prints every problem and exits with code 2.',
    '',
    '| variable | default | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function renderConfiguration(): string {
  const variables = Object.entries<Variable<unknown>>(operatorVariables);
  const rows = Object.entries<Readonly<Record<string, Field>>>(configurationFields).flatMap(([section, fields]) =>
    Object.entries(fields).map(([name, { least, most, fallback, meaning }]) => {
      const at = `${section}.${name}`;
      const variable = variables.find(([, { field }]) => field?.path === at)?.[0] ?? '';
      const bounds = `${String(least)} to ${String(most)}`;
      return `| \`${at}\` | \`${String(fallback)}\` | ${bounds} | ${cell(meaning)} | ${variable === '' ? '' : `\`${variable}\``} |`;
    }),
  );
  return [
    "# The operator's configuration file",
    '',
    'Generated from src/operator/configuration.ts by scripts/generate.ts. `DISTILLERY_CONFIG_FILE` is the path of the file. The',
    "chart writes the value `config` into a ConfigMap and mounts it; a change restarts the operator's pods.",
    '',
    '```yaml',
    `apiVersion: ${configurationVersion.apiVersion}`,
    `kind: ${configurationVersion.kind}`,
    'teachers:',
    '  minimumRunSeconds: 300',
    'students:',
    '  stallSeconds: 600',
    '```',
    '',
    'Every field is a whole number, and every field may be left out. An unknown field or a value out of range ends the operator',
    'with a sentence and exit code 2. Where a field has a variable, the order is: the variable, the file, the default. The chart',
    'leaves the variable out when `config` sets the field.',
    '',
    'Addresses, secrets, images and names are [variables](operator.md) only. Periods of the protocol, such as the',
    'acknowledgment wait of a work item or the age at which telemetry counts as stale, are fixed: workers of other versions',
    'rely on them ([protocol.md](../protocol.md)).',
    '',
    '| field | default | range | meaning | variable |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

async function renderDataTables(file: string): Promise<string> {
  const source = 'workers/data/words.ts';
  const formats = Object.entries(formatWords).map(([format, { source: lies, row, columns, fields }]) => ({
    format: `\`${format}\``,
    'what lies at the uri': lies,
    'a row': row,
    columns,
    'natural fields': fields,
  }));
  const fields = Object.entries(fieldWords).map(([type, { role, takes, gives }]) => ({
    type: `\`${type}\``,
    role,
    'a value of the column': takes,
    'the model gets': gives,
  }));
  const page = await readFile(path.join(root, file), 'utf8');
  const withFormats = withTable(page, file, 'formats', source, `${markdownTable(formats)}\n`);
  return withTable(withFormats, file, 'fields', source, `${markdownTable(fields)}\n`);
}

function exitCodesTable(): string {
  const table = markdownTable(
    exitCodeRows.map(({ code, meaning, consequence }) => ({
      code: String(code),
      meaning,
      'what the operator does': consequence,
    })),
  );
  return `${table}\n`;
}

/** The page of models with both of its tables. */
async function renderModels(): Promise<string> {
  const file = 'docs/models.md';
  const source = 'packages/presets/src/table.ts';
  const page = withTable(await readFile(path.join(root, file), 'utf8'), file, 'presets', source, presetsTable());
  return withTable(page, file, 'preset parameters', source, presetParametersTable());
}

/** The page with the values of DISTILL_RUNTIME in the row of that variable; a longer list leaves the table to prettier. */
async function renderRuntimes(file: string): Promise<string> {
  const page = await readFile(path.join(root, file), 'utf8');
  const row = /^(\| `DISTILL_RUNTIME` *\| )`[^|:]*`/m;
  if (!row.test(page)) throw new Error(`${file}: the row of DISTILL_RUNTIME is missing; put it back`);
  return page.replace(row, `$1${alternatives(runtimeChoices.map((choice) => `\`${choice}\``))}`);
}

async function outputs(): Promise<Map<string, string>> {
  const source = await readFile(path.join(root, sourceFile), 'utf8');
  const crd = parse(source) as Crd;
  const [version] = crd.spec.versions;
  if (version === undefined || crd.spec.versions.length !== 1) {
    throw new Error(
      `${sourceFile}: found ${String(crd.spec.versions.length)} versions, expected 1; teach scripts/generate.ts`,
    );
  }
  const apiVersion = `${crd.spec.group}/${version.name}`;
  const written = version.schema.openAPIV3Schema;
  const schema: Schema = {
    ...written,
    required: ['apiVersion', 'kind', 'metadata', ...(written.required ?? [])],
    properties: { ...written.properties, metadata: objectMeta },
  };
  return new Map([
    ['src/api/generated/distilljob.ts', await renderTypes(schema, apiVersion, crd.spec.names.kind)],
    ['src/api/generated/crd.ts', renderSchema(schema)],
    ['docs/reference/api.md', renderReference(crd, schema, apiVersion)],
    ...(await chartFiles(sourceFile)),
    ...dashboardFiles(),
    ['docs/reference/metrics.md', renderMetrics()],
    ['docs/reference/operator.md', renderVariables()],
    ['docs/reference/operator-configuration.md', renderConfiguration()],
    ['docs/architecture.md', await renderTable('docs/architecture.md', 'rooms', roomsFile, roomsTable(readRooms()))],
    ['docs/protocol.md', await renderTable('docs/protocol.md', 'exit codes', exitCodesFile, exitCodesTable())],
    ['docs/data.md', await renderDataTables('docs/data.md')],
    ['docs/models.md', await renderModels()],
    ['docs/guide.md', await renderRuntimes('docs/guide.md')],
    ['workers/README.md', await renderRuntimes('workers/README.md')],
    ...(await argoFiles(root)),
  ]);
}

await writeGenerated(await outputs(), 'make generate');
