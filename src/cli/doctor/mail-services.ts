import { GetSendQuotaCommand, SESClient } from '@aws-sdk/client-ses';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Config } from '../../config/index.js';
import { bad, ok, type Finding } from './finding.js';

const TIMEOUT_MS = 5_000;

const clientOptions = ({ aws }: Config, endpoint: string | undefined) => ({
  region: aws.region,
  maxAttempts: 1,
  requestHandler: { connectionTimeout: TIMEOUT_MS, requestTimeout: TIMEOUT_MS },
  ...(endpoint && { endpoint }),
  // A copy: the SDK writes into it, and the configuration is frozen.
  ...(aws.credentials && { credentials: { ...aws.credentials } }),
});

/** The queue of the mails: there, readable, and how much waits in it. */
export const examineSqs = async (config: Config): Promise<Finding> => {
  const client = new SQSClient(clientOptions(config, config.mail.sqsEndpoint));
  try {
    const { Attributes = {} } = await client.send(
      new GetQueueAttributesCommand({
        QueueUrl: config.mail.queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'RedrivePolicy'],
      }),
      { abortSignal: AbortSignal.timeout(TIMEOUT_MS) },
    );
    const waiting = `${Attributes['ApproximateNumberOfMessages'] ?? '0'} messages wait`;
    return Attributes['RedrivePolicy']
      ? ok('SQS', `the queue of the mails answers, ${waiting}`)
      : bad('SQS', `${waiting}, but the queue has no dead-letter queue (RedrivePolicy)`);
  } finally {
    client.destroy();
  }
};

/** SES: its quota, or for another SES_ENDPOINT only that something answers there. */
export const examineSes = async (config: Config): Promise<Finding> => {
  const { sesEndpoint } = config.mail;
  if (sesEndpoint) {
    const { status } = await fetch(sesEndpoint, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return ok('SES', `${sesEndpoint} answers (${status})`);
  }
  const client = new SESClient(clientOptions(config, undefined));
  try {
    const quota = await client.send(new GetSendQuotaCommand({}), {
      abortSignal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { SentLast24Hours = 0, Max24HourSend = 0, MaxSendRate = 0 } = quota;
    const detail = `${SentLast24Hours} of ${Max24HourSend} mails in 24 h, ${MaxSendRate} a second`;
    // -1 means without a limit.
    if (Max24HourSend >= 0 && SentLast24Hours >= Max24HourSend) {
      return bad('SES', `${detail}: the quota is used up`);
    }
    return config.mail.ratePerSecond > MaxSendRate
      ? bad('SES', `${detail}, but MAIL_RATE is ${config.mail.ratePerSecond}`)
      : ok('SES', detail);
  } catch (error) {
    // A role that may only send is right; that AWS knows it is all we can ask.
    if (error instanceof Error && error.name.startsWith('AccessDenied')) {
      return ok('SES', 'answers; this role may not read the quota');
    }
    throw error;
  } finally {
    client.destroy();
  }
};
