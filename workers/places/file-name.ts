const longestName = 255;

/** Whether a relative path, with forward slashes, names a file below a folder. */
export function isFileName(name: string): boolean {
  if (/[\p{Cc}\\]/u.test(name)) return false;
  return name
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= longestName);
}
