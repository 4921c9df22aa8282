/** Who may import whom. The rules come from docs/rooms.yaml; the name of each says which row to read. */
const { readRooms, roomRules } = require('./scripts/rooms.ts');

module.exports = {
  forbidden: [{ name: 'no circles', severity: 'error', from: {}, to: { circular: true } }, ...roomRules(readRooms())],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'src/tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
