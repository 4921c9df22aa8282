/**
 * Environment of every worker process: switches off what its libraries report to their vendors (docs/adr/0020).
 *
 * onnxruntime 1.30 otherwise writes a device id and a database below the home folder and a log into the temporary folder,
 * and uploads events. It reads the variable when its native library starts, from the environment of the process: a
 * compute thread's own copy of `process.env` is set too late.
 */
export const quietLibraries: Readonly<Record<string, string>> = { ORT_DISABLE_TELEMETRY: '1' };

/**
 * What every worker process sets for itself before a native library loads, whatever its own environment says: TensorFlow
 * computes with oneDNN, since other kernels round differently.
 */
export const fixedLibraries: Readonly<Record<string, string>> = { TF_ENABLE_ONEDNN_OPTS: '1' };
