/** The operator's process: reads the settings, runs the composed operator until a signal, and ends with an exit code. */
import { AccessError, loadAccess } from '../cluster/kubernetes/index.js';
import { StreamError } from '../stream/index.js';
import { HealthPortError, outputLog } from '../telemetry/index.js';

import { compose } from './compose.js';
import { ConfigError, readOperatorConfig } from './config.js';

const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const config = readOperatorConfig(process.env);
  const log = outputLog(config.logLevel);
  process.on('uncaughtException', (error) => {
    log.error({ stack: error.stack }, `internal error: ${error.message}`);
    process.exit(exitCodes.failed);
  });
  const operator = await compose(config, await loadAccess(config.access), log);
  return (await operator.run(stop.signal)) === 'Stopped' ? exitCodes.ok : exitCodes.failed;
}

/**
 * What to say about a setting that only its use shows to be wrong: a port, a kubeconfig, a .creds file, a signing key.
 * @throws the error itself when it is about something else
 */
function settingFaultIn(error: unknown): string {
  if (error instanceof HealthPortError) return `DISTILLERY_METRICS_PORT: ${error.message}`;
  if (error instanceof ConfigError || error instanceof AccessError || error instanceof StreamError)
    return error.message;
  throw error;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${settingFaultIn(error)}\n`);
  process.exit(exitCodes.usage);
}
