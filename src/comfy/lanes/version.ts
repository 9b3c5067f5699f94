/** The first that stops exactly the prompt that it is told to (protocol §0): older ones stop any. */
export const OLDEST_VERSION = '0.3.57';

const partsOf = (version: string): number[] => version.split('.').map(Number);

/** False for a version that is no number, such as that of a build of one's own. */
export const isTooOld = (version: string): boolean => {
  const parts = partsOf(version);
  if (parts.some((part) => !Number.isInteger(part))) return false;
  const oldest = partsOf(OLDEST_VERSION);
  const at = oldest.findIndex((part, index) => part !== (parts[index] ?? 0));
  return at >= 0 && (parts[at] ?? 0) < (oldest[at] ?? 0);
};
