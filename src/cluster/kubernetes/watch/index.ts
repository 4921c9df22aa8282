/**
 * The door of list-and-watch: keeps a store equal to what the API server holds of one kind. It knows nothing of
 * Distillery.
 */
export { Reflector, type ReflectorCounters, type ReflectorReport, type ReflectorTiming } from './reflector.js';
