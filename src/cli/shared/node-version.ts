/** Checks the release of Node.js. Pure; imports nothing, so that it runs on old releases, too. */

/** The oldest major release that the code and its libraries run on. */
const neededMajor = 24;

/** @param found as in `process.versions.node` @returns a sentence for the person; null when the release is new enough */
export function nodeProblem(found: string): string | null {
  if (Number.parseInt(found, 10) >= neededMajor) return null;
  return (
    `Node.js ${found} is too old; distill needs ${String(neededMajor)} or newer. Start it through npm, which brings the right ` +
    'release (npm run distill -- run job.yaml), or install that release.'
  );
}
