/**
 * The shapes of the chart's values that their defaults do not show: lists, maps, choices and ranges, by the path of the value in
 * charts/distillery/values.yaml. JSON Schema, draft 7, as helm checks it.
 */
import { type Field, configurationFields } from '../dist/src/operator/configuration.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

const text: JsonSchema = { type: 'string' };
const texts: JsonSchema = { type: 'array', items: text };
const objects: JsonSchema = { type: 'array', items: { type: 'object' } };
const anyObject: JsonSchema = { type: 'object' };
const port: JsonSchema = { type: 'integer', minimum: 1, maximum: 65_535 };
const namespaces: JsonSchema = { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' };
const pullPolicy: JsonSchema = { enum: ['Always', 'IfNotPresent', 'Never'] };
const quantity: JsonSchema = { type: 'string', pattern: String.raw`^[0-9]+(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)?$` };
const amount: JsonSchema = { type: ['integer', 'string'] };

function closed(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', additionalProperties: false, properties };
}

function mapOf(values: JsonSchema, keys?: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: values, ...(keys === undefined ? {} : { propertyNames: keys }) };
}

const resources: JsonSchema = closed({
  requests: mapOf({ type: ['integer', 'number', 'string'] }),
  limits: mapOf({ type: ['integer', 'number', 'string'] }),
  claims: objects,
});
const accountLimits = closed({
  storage: amount,
  memory: amount,
  streams: { type: 'integer', minimum: 0 },
  consumers: { type: 'integer', minimum: 0 },
  connections: { type: 'integer', minimum: 0 },
});
const jobLimits: Readonly<Record<string, JsonSchema>> = {
  weight: { type: ['integer', 'null'], minimum: 1 },
  minReplicas: { type: ['integer', 'null'], minimum: 0 },
  logitsMaxBytes: { type: ['integer', 'string', 'null'] },
  ttlSecondsAfterFinished: { type: ['integer', 'null'], minimum: 0 },
};

function fieldsOf(fields: Readonly<Record<string, Field>>): Record<string, JsonSchema> {
  const ranges = Object.entries(fields).map(([name, { least, most }]): [string, JsonSchema] => [
    name,
    { type: 'integer', minimum: least, maximum: most },
  ]);
  return Object.fromEntries(ranges);
}

/** The fields of the operator's configuration file. */
function configuration(): JsonSchema {
  const sections = Object.entries<Readonly<Record<string, Field>>>(configurationFields);
  return closed(
    Object.fromEntries(
      sections.map(([section, fields]) => [section, { ...closed(fieldsOf(fields)), type: ['object', 'null'] }]),
    ),
  );
}

export const shapes: Readonly<Record<string, JsonSchema>> = {
  'tracing.endpoint': { type: 'string', pattern: '^(https?://[^@?#]+)?$' },
  // `--set` makes a text of a fraction.
  'tracing.ratio': {
    type: ['number', 'string'],
    minimum: 0,
    maximum: 1,
    pattern: String.raw`^(0|1|[01]?\.[0-9]{1,9})$`,
  },
  'image.pullPolicy': pullPolicy,
  'worker.pullPolicy': pullPolicy,
  'worker.bucketPorts': { type: 'array', items: port },
  imagePullSecrets: { type: 'array', items: closed({ name: text }) },
  'nats.image.pullPolicy': pullPolicy,
  'nats.storage.size': quantity,
  'nats.storage.syncInterval': { type: 'string', pattern: '^(always|[0-9]+(ms|s|m|h))$' },
  // GOMEMLIMIT is computed from the limit.
  'nats.resources': {
    ...resources,
    required: ['limits'],
    properties: {
      ...(resources.properties as object),
      limits: {
        ...mapOf({ type: ['integer', 'number', 'string'] }),
        required: ['memory'],
        properties: { memory: quantity },
      },
    },
  },
  'nats.nodeSelector': mapOf(text),
  'nats.tolerations': objects,
  'nats.affinity': anyObject,
  'nats.auth': { enum: ['accounts', 'signed', 'password'] },
  'nats.accounts.limits': accountLimits,
  'nats.accounts.namespaces': mapOf(accountLimits, namespaces),
  'networkPolicy.metricsFrom': objects,
  'networkPolicy.natsFrom': objects,
  'networkPolicy.apiServerPorts': { type: 'array', items: port, minItems: 1 },
  'networkPolicy.egress': objects,
  watchNamespaces: { type: 'array', items: namespaces },
  'templates.annotations': texts,
  'templates.secrets': texts,
  'templates.images': texts,
  'templates.tolerations': texts,
  'templates.studentPriorityClasses': texts,
  reserve: mapOf(amount),
  namespaceWeights: mapOf({ type: 'integer', minimum: 1, maximum: 1_000 }, namespaces),
  'limits.weight': jobLimits.weight ?? {},
  'limits.minReplicas': jobLimits.minReplicas ?? {},
  'limits.logitsMaxBytes': jobLimits.logitsMaxBytes ?? {},
  'limits.ttlSecondsAfterFinished': jobLimits.ttlSecondsAfterFinished ?? {},
  'limits.namespaces': mapOf(closed(jobLimits), namespaces),
  accelerators: texts,
  config: configuration(),
  logLevel: { enum: ['trace', 'debug', 'info', 'warn', 'error'] },
  'teacherPriorityClass.value': { type: 'integer' },
  'serviceAccount.annotations': mapOf(text),
  resources,
  'podDisruptionBudget.maxUnavailable': amount,
  nodeSelector: mapOf(text),
  tolerations: objects,
  affinity: anyObject,
  podAnnotations: mapOf(text),
  'metrics.port': port,
  'monitoring.labels': mapOf(text),
  'monitoring.podMonitor.interval': { type: 'string', pattern: '^[0-9]+(ms|s|m)$' },
  'monitoring.rules.runbookUrl': { type: 'string', pattern: '^https?://' },
  'monitoring.dashboards.labels': mapOf(text),
  'monitoring.dashboards.annotations': mapOf(text),
};
