interface Times {
  readonly sesTimeoutSeconds: number;
  readonly leaseSeconds: number;
}

/** How long SQS hides a message from others: above the time-out of SES, below the row's lease. */
export const visibilitySeconds = ({ sesTimeoutSeconds, leaseSeconds }: Times): number =>
  Math.max(1, Math.round((sesTimeoutSeconds + leaseSeconds) / 2));

/** Throws when the time-out of SES, the visibility and the lease would not nest. */
export const checkTimes = (times: Times): void => {
  const visibility = visibilitySeconds(times);
  if (times.sesTimeoutSeconds < visibility && visibility < times.leaseSeconds) return;
  throw new Error(
    `MAIL_LEASE_SECONDS (${times.leaseSeconds}) leaves no room above SES_TIMEOUT_SECONDS ` +
      `(${times.sesTimeoutSeconds}); make it at least three times as long, and 3 s or more.`,
  );
};
