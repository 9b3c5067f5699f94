/** "23 November 2026, 21:04 UTC": the same for every reader, wherever they are. */
export const dateAndTime = (date: Date): string =>
  `${new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  })
    .format(date)
    .replace(' at ', ', ')} UTC`;
