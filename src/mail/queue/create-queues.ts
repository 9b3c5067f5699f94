import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  type SQSClient,
} from '@aws-sdk/client-sqs';

const LONGEST_RETENTION_SECONDS = '1209600';
/** Receives of a message that nobody could read before it is moved aside. */
const MAX_RECEIVES = '5';

const nameOf = (queueUrl: string): string => new URL(queueUrl).pathname.split('/').at(-1) ?? '';

const exists = async (client: SQSClient, name: string): Promise<boolean> => {
  try {
    await client.send(new GetQueueUrlCommand({ QueueName: name }));
    return true;
  } catch (error) {
    if (error instanceof QueueDoesNotExist) return false;
    throw error;
  }
};

/**
 * Makes the queue of this address with a dead-letter queue beside it, when it is missing; leaves an
 * existing one as it is. Safe to repeat and to run in several processes at once.
 */
export const createQueues = async (
  client: SQSClient,
  queueUrl: string,
  visibilityTimeout: number,
): Promise<void> => {
  const name = nameOf(queueUrl);
  if (await exists(client, name)) return;
  const deadLetters = await client.send(
    new CreateQueueCommand({
      QueueName: `${name}-dead-letters`,
      Attributes: { MessageRetentionPeriod: LONGEST_RETENTION_SECONDS },
    }),
  );
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: deadLetters.QueueUrl,
      AttributeNames: ['QueueArn'],
    }),
  );
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({
      QueueName: name,
      Attributes: {
        VisibilityTimeout: String(visibilityTimeout),
        MessageRetentionPeriod: LONGEST_RETENTION_SECONDS,
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: Attributes?.['QueueArn'],
          maxReceiveCount: MAX_RECEIVES,
        }),
      },
    }),
  );
  if (QueueUrl === undefined || new URL(QueueUrl).pathname !== new URL(queueUrl).pathname) {
    throw new Error(
      `SQS_QUEUE_URL is ${queueUrl}, but the queue of that name is ${QueueUrl}; check the account and region.`,
    );
  }
};
