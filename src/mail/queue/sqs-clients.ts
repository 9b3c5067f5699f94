import { SQSClient } from '@aws-sdk/client-sqs';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config/index.js';

const SEND_TIMEOUT_MS = 5_000;
export const LONG_POLL_SECONDS = 20;

/** The clients of SQS: one that answers soon or fails, one that may wait in a long poll. */
@Injectable()
export class SqsClients implements OnApplicationShutdown {
  readonly sending: SQSClient;
  readonly receiving: SQSClient;

  constructor(config: Config) {
    this.sending = client(config, SEND_TIMEOUT_MS);
    this.receiving = client(config, (LONG_POLL_SECONDS + 5) * 1_000);
  }

  onApplicationShutdown(): void {
    this.sending.destroy();
    this.receiving.destroy();
  }
}

const client = ({ aws, mail }: Config, requestTimeout: number): SQSClient =>
  new SQSClient({
    region: aws.region,
    // The outbox and the consumer repeat by themselves, with longer pauses.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout, throwOnRequestTimeout: true },
    ...(mail.sqsEndpoint && { endpoint: mail.sqsEndpoint }),
    // A copy: the SDK writes into it, and the configuration is frozen.
    ...(aws.credentials && { credentials: { ...aws.credentials } }),
  });
