/** The store of a reflector. */
import { describe, expect, test } from '@jest/globals';

import { ObjectStore } from '../../../../../src/cluster/kubernetes/watch/store.js';

describe('a store', () => {
  const named = (name: string, uid = `uid of ${name}`, namespace = 'ns') => ({ name, namespace, uid });

  test('reports changes, and nothing when nothing changed', () => {
    const store = new ObjectStore<{ a: number }>();
    expect(store.set(named('x'), { a: 1 })).toEqual([{ old: null, now: { a: 1 } }]);
    expect(store.set(named('x'), { a: 1 })).toEqual([]);
    expect(store.set(named('x'), { a: 2 })).toEqual([{ old: { a: 1 }, now: { a: 2 } }]);
    expect(store.delete(named('x'))).toEqual([{ old: { a: 2 }, now: null }]);
    expect(store.delete(named('x'))).toEqual([]);
    expect(store.size).toBe(0);
  });

  test('treats an object with the same name and another uid as another object, even with equal content', () => {
    const store = new ObjectStore<{ a: number }>();
    store.set(named('x', 'first'), { a: 1 });
    expect(store.set(named('x', 'second'), { a: 1 })).toEqual([
      { old: { a: 1 }, now: null },
      { old: null, now: { a: 1 } },
    ]);
  });

  test('drops an object that its projection no longer keeps', () => {
    const store = new ObjectStore<{ a: number }>();
    store.set(named('x'), { a: 1 });
    expect(store.set(named('x'), null)).toEqual([{ old: { a: 1 }, now: null }]);
    expect(store.set(named('x'), null)).toEqual([]);
  });

  test('keeps namespaces apart', () => {
    const store = new ObjectStore<string>();
    store.set(named('x', 'u1', 'a'), 'x of a');
    store.set(named('x', 'u2', 'b'), 'x of b');
    store.set(named('n', 'u3', ''), 'of no namespace');
    expect(store.get('a', 'x')).toBe('x of a');
    expect(store.get('c', 'x')).toBeNull();
    expect(store.list('b')).toEqual(['x of b']);
    expect(store.list('')).toEqual(['of no namespace']);
    expect(store.list()).toHaveLength(3);
  });

  test('deletes objects that a list no longer holds', () => {
    const store = new ObjectStore<string>();
    for (const name of ['a', 'b', 'c']) store.set(named(name), name);
    expect(store.keepOnly([named('b'), named('z')])).toEqual([
      { old: 'a', now: null },
      { old: 'c', now: null },
    ]);
    expect(store.list()).toEqual(['b']);
  });
});
