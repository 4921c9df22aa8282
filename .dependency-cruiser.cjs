/** The workspace packages: rooms that every side imports by name (`@distillery/base`). */
const packages = ['base', 'platform', 'protocol'];

/** The arrows of docs/architecture.md as errors: who may import whom. */
const only = (name, from, allowed, comment) => {
  const places = [from, ...allowed].map((room) => (packages.includes(room) ? `packages/${room}/` : `src/${room}/`));
  return {
    name,
    comment,
    severity: 'error',
    from: { path: `^${places[0]}` },
    to: { path: '^(packages|src|workers|test)/', pathNot: `^(${places.join('|')})` },
  };
};

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only('base-stands-alone', 'base', []),
    only('platform-wraps-node', 'platform', ['base']),
    only('protocol-is-shared', 'protocol', ['base'], 'workers and foreign readers depend on it; it depends on nothing'),
    only('api-is-pure', 'api', ['protocol', 'base']),
    only('domain-decides', 'domain', ['api', 'protocol', 'base']),
    only('simulate-replays-decisions', 'simulate', ['domain', 'api', 'protocol', 'base']),
    only('render-maps-plans', 'render', ['domain', 'api', 'protocol', 'base']),
    only('telemetry-reports', 'telemetry', ['domain', 'api', 'protocol', 'base']),
    only('cluster-adapts', 'cluster', ['render', 'domain', 'api', 'protocol', 'base', 'platform', 'telemetry']),
    only('stream-adapts', 'stream', ['api', 'protocol', 'base', 'platform']),
    only('controller-joins', 'controller', [
      'domain',
      'render',
      'cluster',
      'stream',
      'telemetry',
      'api',
      'protocol',
      'base',
    ]),
    {
      name: 'workers-know-the-protocol-only',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^(src|test)/' },
    },
    {
      name: 'pure-rooms-touch-nothing',
      comment: 'no clock, randomness, network or disk in the rooms that decide',
      severity: 'error',
      from: { path: '^(src/(domain|render|simulate|api)|packages/(base|protocol))/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'rooms-have-one-door',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/(domain|render|simulate|stream|controller|telemetry)/(?!index)', pathNot: '^src/$1/' },
    },
    {
      name: 'packages-are-imported-by-name',
      comment: 'one door each, the one that package.json exports; only tests may look behind it',
      severity: 'error',
      from: { path: '^(packages/[^/]+|src|workers)/' },
      to: { path: '^packages/', pathNot: ['^packages/[^/]+/dist/index\\.', '^$1/'] },
    },
    {
      name: 'tests-stay-outside',
      severity: 'error',
      from: { path: '^(packages|src|workers)/' },
      to: { path: '^test/' },
    },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '(^src/main|^src/cli/main|/main)\\.ts$' } },
  ],
  options: {
    // What is imported by name resolves to what was built: it is a door, and not read again.
    doNotFollow: { path: ['node_modules', '^packages/[^/]+/dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'src/tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
