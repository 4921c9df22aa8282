/** Whatever happens in whatever order, the store ends equal to the server, and so does a reader that only got the changes. */
import { randomFrom } from '@distillery/base';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { kinds } from '../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../src/cluster/kubernetes/api/index.js';
import { Reflector } from '../../../src/cluster/kubernetes/watch/index.js';
import { FakeClock, settled } from '../../kit/clock.js';
import { FakeApiServer, fakeError } from '../../kit/fake-api-server.js';

type Happening =
  | { readonly do: 'put'; readonly name: string; readonly value: number }
  | { readonly do: 'remove' | 'recreate'; readonly name: string }
  | { readonly do: 'endWatches'; readonly with: ApiErrorReason | null }
  | { readonly do: 'fail'; readonly with: readonly (ApiErrorReason | null)[] }
  | { readonly do: 'compact' | 'compactAndCut' | 'restart' | 'backUp' }
  | { readonly do: 'rollBack'; readonly writes: readonly (readonly [string, number])[] }
  | { readonly do: 'wait'; readonly ms: number };

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const anyError = fc.constantFrom<ApiErrorReason>(
  'unreachable',
  'timeout',
  'malformed',
  'gone',
  'tooLargeVersion',
  'throttled',
  'internal',
  'unavailable',
  'forbidden',
);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), name, value: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'recreate' as const), name }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('endWatches' as const), with: fc.option(anyError) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('fail' as const), with: fc.array(fc.option(anyError), { maxLength: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('compact' as const, 'compactAndCut' as const, 'restart' as const, 'backUp' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('rollBack' as const),
      writes: fc.array(fc.tuple(name, fc.nat(3)), { maxLength: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 150, 2_000, 70_000) }),
  },
);

test('any interleaving of changes, cuts, faults, restarts and rollbacks ends with store and listeners equal to the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), fc.nat(), async (happenings, seed) => {
      const clock = new FakeClock();
      const server = new FakeApiServer(clock);
      const backup = { state: server.snapshot() };
      const heard = new Map<string, Kept>();
      const wrong: string[] = [];
      const reflector = new Reflector({
        client: server,
        kind: kinds.configMaps,
        project: ({ metadata, spec }): Kept => ({ name: metadata.name, spec }),
        clock,
        random: randomFrom(seed),
        report: (report) => {
          if (report.kind === 'handlerFailed') wrong.push(String(report.error));
        },
        timing: { pageSize: 2 },
      });
      reflector.onChange((old, now) => {
        const named = (old ?? now)?.name ?? '';
        // Changes join up without a gap: each begins where the one before ended.
        expect(old).toEqual(heard.get(named) ?? null);
        if (now === null) heard.delete(named);
        else heard.set(named, now);
      });
      reflector.start();
      await settled();
      for (const what of happenings) {
        await happen(what, server, clock, backup);
        await settled();
        expect(new Map(reflector.store.list().map((kept) => [kept.name, kept]))).toEqual(heard);
      }
      server.failures.length = 0;
      await settled();
      // Longer than every wait and than two silences, much shorter than until the next list that is due anyway.
      await clock.advance(5 * 60_000);
      expect(reflector.synced).toBe(true);
      expect(new Map(reflector.store.list().map((kept) => [kept.name, kept.spec]))).toEqual(server.truth);
      expect(new Map(Array.from(heard.values(), (kept) => [kept.name, kept.spec]))).toEqual(server.truth);
      expect(wrong).toEqual([]);
      await reflector.stop();
      expect(clock.waits).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

interface Kept {
  readonly name: string;
  readonly spec: unknown;
}

async function happen(
  what: Happening,
  server: FakeApiServer,
  clock: FakeClock,
  backup: { state: ReturnType<FakeApiServer['snapshot']> },
): Promise<void> {
  switch (what.do) {
    case 'put': {
      server.put(what.name, { value: what.value });
      return;
    }
    case 'remove': {
      server.remove(what.name);
      return;
    }
    case 'recreate':
      server.remove(what.name);
      {
        server.put(what.name, { value: 9 });
        return;
      }
    case 'endWatches': {
      server.endWatches(what.with === null ? null : fakeError(what.with));
      return;
    }
    case 'fail':
      server.failures.push(...what.with.map((kind) => (kind === null ? null : fakeError(kind, 3_000))));
      return;
    case 'compact': {
      server.compact();
      return;
    }
    case 'backUp':
      backup.state = server.snapshot();
      return;
    case 'compactAndCut':
      server.compact();
      {
        server.endWatches(fakeError('unreachable'));
        return;
      }
    case 'restart':
    case 'rollBack':
      // A store is only rolled back while no API server serves it, and that takes its time.
      server.down = true;
      server.endWatches(fakeError('unreachable'));
      await settled();
      await clock.advance(2_500);
      if (what.do === 'rollBack') {
        server.restore(backup.state);
        for (const [named, value] of what.writes) server.put(named, { value });
      }
      server.down = false;
      return;
    case 'wait':
      return clock.advance(what.ms);
    default:
      what satisfies never;
  }
}
