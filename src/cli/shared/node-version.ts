/** Whether this release of Node.js can run the project. Pure; imports nothing, so that it also runs on old releases. */

/** The oldest major release that the code and its libraries run on. */
const neededMajor = 24;

/** @param found as in `process.versions.node`. @returns a sentence for the person; null when the release fits */
export function nodeProblem(found: string): string | null {
  if (Number.parseInt(found, 10) >= neededMajor) return null;
  return (
    `Node.js ${found} is too old; distill needs ${String(neededMajor)} or newer. Start it through npm, which brings the right ` +
    'release (npm run distill -- run job.yaml), or install that release.'
  );
}
