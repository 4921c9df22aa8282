/** A copy without some fields. */
export function omit<T extends object, K extends keyof T>(object: T, ...names: readonly K[]): Omit<T, K> {
  const left: readonly string[] = names.map(String);
  return Object.fromEntries(Object.entries(object).filter(([name]) => !left.includes(name))) as Omit<T, K>;
}
