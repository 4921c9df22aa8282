/** The configuration file: its defaults, what it accepts, and a sentence for each thing that is wrong with it. */
import { sentenceOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import {
  configurationFields,
  configurationVersion,
  defaultConfiguration,
  readConfiguration,
} from '../../../src/operator/configuration.js';

const head = 'apiVersion: config.distillery.dev/v1alpha1\nkind: OperatorConfiguration\n';
const sentences = (text: string): string[] => readConfiguration(text).faults.map(sentenceOf);

describe('a configuration file', () => {
  test('needs its version and kind alone', () => {
    expect(readConfiguration(head)).toEqual({ configuration: defaultConfiguration, faults: [] });
    expect(defaultConfiguration.reconcile).toEqual({ workers: 8, minIntervalMilliseconds: 250, maxPerSecond: 200 });
  });

  test('sets what it names and leaves the rest at the defaults', () => {
    const { configuration, faults } = readConfiguration(
      `${head}reconcile: { workers: 16 }\nteachers:\n  minimumRunSeconds: 300\nstudents:\n`,
    );
    expect(faults).toEqual([]);
    expect(configuration).toEqual({
      ...defaultConfiguration,
      reconcile: { ...defaultConfiguration.reconcile, workers: 16 },
      teachers: { ...defaultConfiguration.teachers, minimumRunSeconds: 300 },
    });
  });

  test('may set every field to its least and to its most', () => {
    for (const bound of ['least', 'most'] as const) {
      const values = Object.fromEntries(
        Object.entries(configurationFields).map(([section, fields]) => [
          section,
          Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field[bound]])),
        ]),
      );
      // JSON is YAML.
      const read = readConfiguration(JSON.stringify({ ...configurationVersion, ...values }));
      expect(read).toEqual({ configuration: values, faults: [] });
    }
  });

  test.each([
    [
      'an unknown field',
      `${head}reconcile: { worker: 1 }`,
      'reconcile.worker: unknown field. Remove it, or use one of workers, minIntervalMilliseconds, maxPerSecond.',
    ],
    [
      'an unknown section',
      `${head}reconciles: {}`,
      'reconciles: unknown field. Remove it, or use one of apiVersion, kind, apiServer, leaderElection, reconcile, status, watches, streams, teachers, students.',
    ],
    [
      'a number out of bounds',
      `${head}reconcile: { workers: 0 }`,
      'reconcile.workers: found 0, expected a whole number from 1 to 256. Change it, or leave it out for 8.',
    ],
    [
      'a text',
      `${head}students: { stallSeconds: 5m }`,
      'students.stallSeconds: found "5m", expected a whole number from 10 to 86400. Change it, or leave it out for 60.',
    ],
    [
      'a fraction',
      `${head}apiServer: { qps: 1.5 }`,
      'apiServer.qps: found 1.5, expected a whole number from 1 to 10000. Change it, or leave it out for 50.',
    ],
    [
      'a section that is a number',
      `${head}reconcile: 8`,
      'reconcile: found 8, expected a map of fields. Indent its fields below it.',
    ],
    [
      'a section that is a list',
      `${head}reconcile: [8]`,
      'reconcile: found [8], expected a map of fields. Indent its fields below it.',
    ],
    [
      'another version',
      'apiVersion: config.distillery.dev/v2\nkind: OperatorConfiguration',
      'apiVersion: found "config.distillery.dev/v2", expected config.distillery.dev/v1alpha1. Change it.',
    ],
    [
      'no kind',
      'apiVersion: config.distillery.dev/v1alpha1',
      'kind: found nothing, expected OperatorConfiguration. Change it.',
    ],
    ['nothing at all', '', 'found nothing, expected a map of fields. Begin with apiVersion and kind.'],
    ['a list', '- 1', 'found [1], expected a map of fields. Begin with apiVersion and kind.'],
  ])('with %s is refused by a sentence', (_what, text, sentence) => {
    expect(sentences(text)).toEqual([sentence]);
  });

  test('that is not YAML is refused by a sentence', () => {
    const [sentence, ...others] = sentences('reconcile: [');
    expect(sentence).toMatch(/^not valid YAML: .+ at line 1, column \d+\. Correct it\.$/);
    expect(others).toEqual([]);
  });

  test('gets a sentence for each fault, and counts for nothing then', () => {
    const text = `${head}reconcile: { workers: 0, maxPerSecond: 9 }\nteachers: { minimumRunSeconds: -1 }`;
    expect(sentences(text)).toHaveLength(2);
    expect(readConfiguration(text).configuration).toBe(defaultConfiguration);
  });
});
