import { SendRawEmailCommand, SESClient } from '@aws-sdk/client-ses';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { outcomeOfError, type Outcome } from './outcome.js';

/** The tag by which the events of SES find the mail's row. */
const EMAIL_TAG = 'email_id';

/**
 * Connections are kept only while mails follow each other closely: a request on one that SES has just
 * closed would end with an unknown outcome.
 */
const AGENT = { keepAlive: true, timeout: 1_000 };

export interface RawMail {
  readonly emailId: string;
  readonly recipient: string;
  readonly mime: Buffer;
}

/** Amazon SES: one call per mail, never repeated by the client, never without an end. */
@Injectable()
export class SesGateway implements OnApplicationShutdown {
  private readonly client: SESClient;
  private readonly timeoutMs: number;

  constructor(private readonly config: Config) {
    const { aws, mail } = config;
    this.timeoutMs = mail.sesTimeoutSeconds * 1_000;
    this.client = new SESClient({
      region: aws.region,
      // The SDK's own repeats would send a mail again after a lost answer.
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: Math.min(3_000, this.timeoutMs / 2),
        httpAgent: AGENT,
        httpsAgent: AGENT,
      },
      ...(mail.sesEndpoint && { endpoint: mail.sesEndpoint }),
      // A copy: the SDK writes into it, and the configuration is frozen.
      ...(aws.credentials && { credentials: { ...aws.credentials } }),
    });
  }

  /** Hands one mail to SES for exactly this recipient, whatever its headers say. Never throws. */
  async send({ emailId, recipient, mime }: RawMail): Promise<Outcome> {
    const { from, configurationSet } = this.config.mail;
    const command = new SendRawEmailCommand({
      Source: from,
      Destinations: [recipient],
      RawMessage: { Data: mime },
      Tags: [{ Name: EMAIL_TAG, Value: emailId }],
      ...(configurationSet && { ConfigurationSetName: configurationSet }),
    });
    try {
      const { MessageId } = await this.client.send(command, {
        abortSignal: AbortSignal.timeout(this.timeoutMs),
      });
      return MessageId
        ? { kind: 'accepted', providerMessageId: MessageId }
        : { kind: 'unknown', reason: 'SES answered without a message id' };
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  onApplicationShutdown(): void {
    this.client.destroy();
  }
}
