/**
 * What a preset makes never changes: a job that resumes after an upgrade must build the model that its checkpoint is of.
 * When a digest here differs, undo the change, or give the new design a new name.
 */
import { createHash } from 'node:crypto';

import { choosePreset, type PresetName, presetNames, presets, presetTopology } from '@distillery/presets';
import { expect, test } from '@jest/globals';

/** For each preset with its defaults and, where it has any, with every optional layer. */
const digests: Readonly<Record<PresetName, readonly [string, string]>> = {
  mlp: ['82ab9c9494fbcd23', '10216bb3fdebf895'],
  'cnn-tiny': ['9f13a347028cdba6', '1dfe071f8316b8d9'],
  'resnet-tiny': ['75238222a38668f3', '65b838e2a14d20f1'],
  'mobilenet-tiny': ['d2aba46c68df0a63', '02747756d6c40f1e'],
  'text-cnn': ['d8c3cb9a9606671d', '0a2d915ff02f3cf9'],
  'text-transformer-tiny': ['34d42d9ad9fd2585', '9d70af5ccb3adac0'],
  'bytes-cnn': ['ab7cd3ca1a90aa31', '20742a0b2aaca89f'],
};

test.each(presetNames)('%s makes the model that it has always made', (name) => {
  const { outputs, ...sample } = presets[name].example;
  const digestOf = (given: readonly (readonly [string, string])[]): string => {
    const { topology } = presetTopology(choosePreset(name, given), { inputs: { input: sample }, outputs });
    return createHash('sha256').update(JSON.stringify(topology)).digest('hex').slice(0, 16);
  };
  expect([digestOf([]), digestOf([['dropout', '0.5']])]).toEqual(digests[name]);
});
