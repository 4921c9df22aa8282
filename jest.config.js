/** One configuration; the folders of test/ are the suites. Modules are never mocked: collaborators are passed in. */
export default {
  // So that the programs that tests start are of what was last compiled.
  globalSetup: '<rootDir>/scripts/programs/up-to-date.ts',
  testEnvironment: '<rootDir>/test/kit/environment.js',
  // Conditions end a wait, not this: it is for a machine that does much else at the time.
  testTimeout: 900_000,
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // The sources, not what was built from them: a test sees a change at once, and every class exists once.
    '^@distillery/(base|nats|platform|presets|protocol|tracing)$': '<rootDir>/packages/$1/src/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/packages/[^/]+/dist/', '<rootDir>/.cache/'],
  testMatch: ['<rootDir>/test/{unit,property,integration,cluster}/**/*.test.ts'],
  // `npm run coverage`. What only processes of their own run (main files, workers) counts as not covered here.
  coverageProvider: 'v8',
  coverageDirectory: 'coverage',
  coverageReporters: ['text-summary', 'html', 'lcovonly', 'json-summary'],
  collectCoverageFrom: ['{src,workers}/**/*.ts', 'packages/*/src/**/*.ts', '!src/api/generated/**'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
};
