/** `bad`: something does not work or will not; `odd`: worth a look; `ok`: as it should be. */
type Verdict = 'ok' | 'odd' | 'bad';

export interface Finding {
  readonly verdict: Verdict;
  /** What was looked at, such as `Database`. */
  readonly subject: string;
  /** What was seen, and what to do about it. Never a secret. */
  readonly detail: string;
}

export const ok = (subject: string, detail: string): Finding => ({
  verdict: 'ok',
  subject,
  detail,
});
export const odd = (subject: string, detail: string): Finding => ({
  verdict: 'odd',
  subject,
  detail,
});
export const bad = (subject: string, detail: string): Finding => ({
  verdict: 'bad',
  subject,
  detail,
});

/** What went wrong, in one line; the AWS SDK and fetch hide it in different places. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return `${error.message || error.name}${cause}`.split('\n')[0] ?? '';
};

/** The findings of a look; a look that throws is itself a bad finding. */
export const look = async (
  subject: string,
  work: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> => {
  try {
    return [await work()].flat();
  } catch (error) {
    return [bad(subject, reasonOf(error))];
  }
};
