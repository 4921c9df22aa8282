/** The door of presets: student models by name. Everything behind it is pure. */
export { type ChosenPreset, choosePreset } from './choose.js';
export { byteValues, dataText, type PresetData, type PresetInput } from './data.js';
export { PresetError } from './fault.js';
export type { LayerSummary } from './graph.js';
export { type PresetName, presetNames, presets } from './table.js';
export { presetTopology, takesText, type PresetModel } from './topology.js';
