/** The arrows of docs/architecture.md as errors: who may import whom. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^(src|workers|test)/', pathNot: `^src/(${[from, ...allowed].join('|')})/` },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only('lib-stands-alone', 'lib', []),
    only('platform-wraps-node', 'platform', ['lib']),
    only('protocol-is-shared', 'protocol', ['lib'], 'workers and foreign readers depend on it; it depends on nothing'),
    only('api-is-pure', 'api', ['protocol', 'lib']),
    only('domain-decides', 'domain', ['api', 'protocol', 'lib']),
    only('simulate-replays-decisions', 'simulate', ['domain', 'api', 'protocol', 'lib']),
    only('render-maps-plans', 'render', ['domain', 'api', 'protocol', 'lib']),
    only('telemetry-reports', 'telemetry', ['domain', 'api', 'protocol', 'lib']),
    only('cluster-adapts', 'cluster', ['render', 'domain', 'api', 'protocol', 'lib', 'platform', 'telemetry']),
    only('stream-adapts', 'stream', ['api', 'protocol', 'lib', 'platform']),
    only('controller-joins', 'controller', [
      'domain',
      'render',
      'cluster',
      'stream',
      'telemetry',
      'api',
      'protocol',
      'lib',
    ]),
    {
      name: 'workers-know-the-protocol-only',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^(src|test)/', pathNot: '^src/(protocol|lib|platform)/' },
    },
    {
      name: 'pure-rooms-touch-nothing',
      comment: 'no clock, randomness, network or disk in the rooms that decide',
      severity: 'error',
      from: { path: '^src/(domain|render|simulate|protocol|api|lib)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'rooms-have-one-door',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/(domain|render|simulate|stream|controller|telemetry|platform)/(?!index)', pathNot: '^src/$1/' },
    },
    { name: 'tests-stay-outside', severity: 'error', from: { path: '^(src|workers)/' }, to: { path: '^test/' } },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '(^src/main|^src/cli/main|/main)\\.ts$' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'src/tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
