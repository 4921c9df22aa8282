/** Absolute paths as texts. Pure: they are compared, and no file is opened. */
import { readUri, uriText } from '@distillery/protocol';

export function folderOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end <= 0 ? '/' : path.slice(0, end);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** @returns the part below the folder; null when the path is the folder itself or lies outside of it */
function below(folder: string, path: string): string | null {
  const root = folder.endsWith('/') ? folder : `${folder}/`;
  return path.startsWith(root) && path.length > root.length ? path.slice(root.length) : null;
}

/** A path for people. */
export function shownPath(folder: string, path: string): string {
  return below(folder, path) ?? path;
}

const longestUri = 1_024;

/** Whether a job can name the path: control characters have no place in a uri. */
export function canBeNamed(jobFolder: string, path: string): boolean {
  const uri = fileUri(jobFolder, path);
  return readUri(uri).ok && uri.length <= longestUri;
}

/** The uri of a file of a job: relative to the job's folder where it lies in it. */
export function fileUri(jobFolder: string, path: string): string {
  const inside = path === jobFolder ? '.' : below(jobFolder, path);
  return uriText({ scheme: 'file', path: inside ?? path });
}
