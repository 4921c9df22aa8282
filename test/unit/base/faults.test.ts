/** Every error class of the project: one base, a kind of its own, a retry, and a sentence with thing, fault and remedy. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import {
  crossingOf,
  type DistilleryError,
  type FaultOf,
  problemOf,
  type Retry,
  revived,
  sentenceWith,
} from '@distillery/base';
import { CredsError, NkeyError } from '@distillery/nats';
import { PresetError } from '@distillery/presets';
import {
  FrameError,
  ManifestError,
  NameError,
  NatsAddressError,
  ObjectFault,
  WorkItemError,
} from '@distillery/protocol';
import ts from 'typescript';

import { TextError } from '../../../packages/base/src/text.js';
import { NotRegularError } from '../../../packages/platform/src/regular-file.js';
import { QuantityError } from '../../../src/api/schema/quantity.js';
import { CliError } from '../../../src/cli/shared/cli-error.js';
import { JobRefused } from '../../../src/cli/shared/job-refused.js';
import { ApiError } from '../../../src/cluster/kubernetes/api/errors.js';
import { AccessError } from '../../../src/cluster/kubernetes/api/kubeconfig.js';
import { NameTakenError, RefusalError } from '../../../src/cluster/kubernetes/act/refusal.js';
import { ConfigError } from '../../../src/operator/config.js';
import { OwnerlessJobError } from '../../../src/render/metadata.js';
import { UsageError } from '../../../src/release/usage-error.js';
import { TraceError } from '../../../src/simulate/trace-error.js';
import { StreamError } from '../../../src/stream/errors/errors.js';
import { PortTaken } from '../../../src/stream/server/start.js';
import { ToolError } from '../../../src/stream/server/tool.js';
import { HealthPortError } from '../../../src/telemetry/health.js';
import { CheckpointError, StoreError } from '../../../workers/checkpoint/errors.js';
import { ComputeError } from '../../../workers/compute/thread.js';
import { DataError, ReadError } from '../../../workers/samples/index.js';
import { InputError } from '../../../workers/inputs/errors.js';
import { PictureError } from '../../../workers/data/fields/picture.js';
import { BadSampleError } from '../../../workers/data/table-split.js';
import { Damage } from '../../../workers/tables/parquet/damage.js';
import { PlaceError, RemoteError } from '../../../workers/places/errors.js';
import { LogitsError, ModelError } from '../../../workers/models/inference/errors.js';
import { OnnxExportError } from '../../../workers/models/export-onnx/errors.js';
import { OnnxFileError } from '../../../workers/models/inference/onnx-file.js';
import { TopologyError } from '../../../workers/models/topology.js';
import { RecordingError } from '../../../workers/models/device.js';
import { BatchError, NumericError, StateError, StudentModelError } from '../../../workers/models/trainer-errors.js';
import { RuntimeError } from '../../../workers/runtimes/index.js';
import { SavedModelError } from '../../../workers/runtimes/native/saved-model/errors.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { ConnectionLost } from '../../../workers/stream/connect.js';
import {
  CertificateRefused,
  Fenced,
  FrameConflict,
  LoginRefused,
  ObjectDamaged,
  ObjectStoreFull,
  ReferenceRefused,
  StreamRefused,
  StreamUnreachable,
} from '../../../workers/stream/errors.js';

const root = join(import.meta.dirname, '../../..');

/** Class by class: the name of what it extends. */
function classesOf(folder: string): [string, { readonly base: string; readonly file: string }][] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !/(^|\/)(node_modules|dist)\//.test(name))
    .flatMap((name) => {
      const file = join(folder, name);
      const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest);
      return source.statements.filter(ts.isClassDeclaration).flatMap((declaration) => {
        const base = declaration.heritageClauses?.find(({ token }) => token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
        return base === undefined || declaration.name === undefined || !ts.isIdentifier(base.expression)
          ? []
          : [[declaration.name.text, { base: base.expression.text, file }] as [string, { base: string; file: string }]];
      });
    });
}

const classes = new Map(['packages', 'src', 'workers'].flatMap(classesOf));

function descendsFrom(name: string, ancestor: string): boolean {
  const base = classes.get(name)?.base;
  return base !== undefined && (base === ancestor || descendsFrom(base, ancestor));
}

const fault = { about: 'the thing', found: '0', expected: '1', remedy: 'mend it' };
const headless: FaultOf = { found: '0', expected: '1', remedy: 'mend it' };

const samples: Readonly<Record<string, () => DistilleryError>> = {
  AccessError: () => new AccessError(fault),
  ApiError: () => new ApiError('timeout', { doing: 'get', fault }),
  BadSampleError: () => new BadSampleError(fault),
  BatchError: () => new BatchError('labels', '9', '8'),
  CertificateRefused: () => new CertificateRefused('nats://h', { problem: 'it has expired', remedy: 'renew it' }),
  CheckpointError: () => new CheckpointError('version', headless),
  CliError: () => new CliError('usage', fault),
  ComputeError: () => new ComputeError('trainer', { kind: 'died', exitCode: 1 }, 'ended with code 1'),
  ConfigError: () => new ConfigError([fault, { ...fault, about: 'another' }]),
  ConnectionLost: () => new ConnectionLost(),
  CredsError: () => new CredsError(fault),
  Damage: () => new Damage('a page is missing'),
  DataError: () => new DataError(fault),
  Fenced: () => new Fenced(1, 2),
  FrameConflict: () => new FrameConflict(1, 0, 'teacher digest', 'a', 'b'),
  FrameError: () => new FrameError('damaged', headless),
  HealthPortError: () => new HealthPortError(80, 'EACCES', {}),
  InputError: () => new InputError(fault),
  JobRefused: () => new JobRefused([{ path: 'spec.weight', fault: headless, message: 'spec.weight: found 0' }]),
  LoginRefused: () => new LoginRefused('nats://h', 'user a'),
  LogitsError: () => new LogitsError({ row: 0, column: 1, value: 'NaN' }),
  ManifestError: () => new ManifestError('job', headless),
  ModelError: () => new ModelError({ path: '/m', found: '0', expected: '1', remedy: 'mend it' }),
  NameError: () => new NameError(fault),
  NameTakenError: () =>
    new NameTakenError({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n' } }, null),
  NatsAddressError: () => new NatsAddressError(fault),
  NkeyError: () => new NkeyError(fault),
  NotRegularError: () => new NotRegularError('/p', 'a folder'),
  NumericError: () => new NumericError('loss', 3),
  ObjectDamaged: () => new ObjectDamaged('model.json', 'a piece is missing'),
  ObjectFault: () => new ObjectFault(fault),
  ObjectStoreFull: () => new ObjectStoreFull('model.json', headless),
  OnnxExportError: () => new OnnxExportError('layer a', 'it has no ONNX form'),
  OnnxFileError: () => new OnnxFileError('an empty file'),
  OwnerlessJobError: () => new OwnerlessJobError('mnist'),
  PictureError: () => new PictureError('the picture is empty'),
  PlaceError: () => new PlaceError(fault),
  PresetError: () => new PresetError(fault),
  PortTaken: () => new PortTaken('noServer', fault),
  QuantityError: () => new QuantityError('x', 'an amount'),
  ReadError: () => new ReadError(fault),
  RecordingError: () => new RecordingError('its op Foo is not known'),
  ReferenceRefused: () => new ReferenceRefused('requires test.a, which this release does not have'),
  RefusalError: () => new RefusalError(fault),
  RemoteError: () => new RemoteError('denied', fault),
  RuntimeError: () => new RuntimeError('gpu', headless),
  SavedModelError: () => new SavedModelError(headless),
  StateError: () => new StateError('w', '1 value', '2'),
  StoreError: () => new StoreError('full', '/p', headless),
  StreamError: () => new StreamError('full', fault),
  StreamRefused: () => new StreamRefused('read x', 'no right'),
  StreamUnreachable: () => new StreamUnreachable('nats://h', 'no answer'),
  StudentModelError: () => new StudentModelError('layer a', '0', '1'),
  TextError: () => new TextError('UTF-8'),
  ToolError: () => new ToolError(fault),
  TopologyError: () => new TopologyError('layer a', '0', '1', 'mend it'),
  TraceError: () => new TraceError('trace.csv', 1, 2, '0', '1'),
  UsageError: () => new UsageError(fault),
  WorkItemError: () => new WorkItemError('step', headless),
  WorkerError: () => new WorkerError('storage', fault),
};

/** Without a remedy: the program itself does what helps, such as another attempt, and a person cannot do anything. */
const withoutRemedy: readonly string[] = [
  'ComputeError',
  'ConnectionLost',
  'Fenced',
  'ObjectDamaged',
  'RecordingError',
];
/** Whose thing the caller names. */
const withoutThing: readonly string[] = ['RecordingError', 'TextError'];

describe('the errors of the project', () => {
  const own = [...classes.keys()].filter((name) => descendsFrom(name, 'Error') && name !== 'DistilleryError').sort();

  test('all descend from one base', () => {
    expect(own.filter((name) => !descendsFrom(name, 'DistilleryError'))).toEqual([]);
    expect(own.length).toBeGreaterThan(40);
  });

  test('all have a sample here', () => {
    const abstract = ['RevivedError'];
    expect(Object.keys(samples).sort()).toEqual(own.filter((name) => !abstract.includes(name)));
  });

  test('each has a kind of its own', () => {
    const kinds = Object.values(samples).map((sample) => sample().kind);
    expect(kinds.filter((kind, at) => kinds.indexOf(kind) !== at)).toEqual([]);
  });

  test.each(Object.entries(samples))('%s says when to try again, and names thing, fault and remedy', (name, sample) => {
    const error = sample();
    expect(['Never', 'Later', 'AfterSomebodyActs'] satisfies Retry[]).toContain(error.retry);
    expect(error.message).not.toMatch(/\.\.|;\.|undefined/);
    if ('faults' in error.fault) {
      expect(error.fault.faults.length).toBeGreaterThan(0);
      return;
    }
    const { about, remedy } = error.fault;
    expect(about === '').toBe(withoutThing.includes(name));
    expect(remedy === '').toBe(withoutRemedy.includes(name));
    expect(problemOf(error.fault)).not.toBe('');
    for (const part of [about, problemOf(error.fault), remedy.slice(1)]) expect(error.message).toContain(part);
  });

  test.each(Object.entries(samples))('%s crosses a thread with all that a caller decides by', (_name, sample) => {
    const error = sample();
    const { kind, retry, fault: data } = error;
    expect(revived(structuredClone(crossingOf(error)))).toMatchObject({ name: error.name, kind, retry, fault: data });
  });
});

test('a sentence says what the program does next before what a person can do', () => {
  const full = { about: 'store', problem: 'its disk is full', remedy: 'free some space' };
  expect(sentenceWith(full, 'trying again')).toBe('store: its disk is full; trying again. Free some space.');
  expect(sentenceWith({ ...full, remedy: '' }, 'trying again')).toBe('store: its disk is full; trying again');
});
