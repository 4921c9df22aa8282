/** Who may import whom. The rules come from docs/rooms.yaml; the name of each says which row to read. */
const { readRooms, roomRules } = require('./scripts/rooms.ts');

module.exports = {
  forbidden: [{ name: 'no circles', severity: 'error', from: {}, to: { circular: true } }, ...roomRules(readRooms())],
  options: {
    // What is imported by name resolves to what was built: it is a door, and not read again.
    doNotFollow: { path: ['node_modules', '^packages/[^/]+/dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'src/tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
