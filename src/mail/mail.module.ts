import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { SqsModule } from '@ssut/nestjs-sqs';
import { Config, type Role } from '../config/index.js';
import { Emails } from './emails.js';
import { Suppressions } from './feedback/suppressions.js';
import { AccountLetters } from './letters/account-letters.js';
import { Addressing } from './letters/addressing.js';
import { Letters } from './letters/letters.js';
import { MailMetrics } from './mail-metrics.js';
import { createQueues } from './queue/create-queues.js';
import { MAIL_QUEUE, MailConsumer } from './queue/consumer.js';
import { Orders } from './queue/orders.js';
import { Relay } from './queue/relay.js';
import { LONG_POLL_SECONDS, SqsClients } from './queue/sqs-clients.js';
import { Sweeper } from './queue/sweeper.js';
import { checkTimes, visibilitySeconds } from './queue/times.js';
import { Pace } from './sending/pace.js';
import { Sender } from './sending/sender.js';
import { SesGateway } from './sending/ses-gateway.js';

/** Mails that one mailer works on at a time. */
const PARALLEL = 10;

const MAILER: Provider[] = [
  AccountLetters,
  Addressing,
  Letters,
  MailConsumer,
  MailMetrics,
  Orders,
  Pace,
  Relay,
  Sender,
  SesGateway,
  Sweeper,
];

/** Shared with the library's own module, which asks for them while it starts. */
@Module({ providers: [SqsClients], exports: [SqsClients] })
class SqsClientsModule {}

const consumer = (): DynamicModule =>
  SqsModule.registerAsync({
    imports: [SqsClientsModule],
    inject: [Config, SqsClients],
    useFactory: async (config: Config, clients: SqsClients) => {
      checkTimes(config.mail);
      const visibilityTimeout = visibilitySeconds(config.mail);
      if (config.mail.createQueues) {
        await createQueues(clients.sending, config.mail.queueUrl, visibilityTimeout);
      }
      return {
        globalStopOptions: { abort: true },
        consumers: [
          {
            name: MAIL_QUEUE,
            queueUrl: config.mail.queueUrl,
            region: config.aws.region,
            sqs: clients.receiving,
            batchSize: PARALLEL,
            waitTimeSeconds: LONG_POLL_SECONDS,
            visibilityTimeout,
            heartbeatInterval: Math.max(1, Math.floor(visibilityTimeout / 3)),
          },
        ],
      };
    },
  });

/** Rows and routes for `api`; the relay, the consumer and the sweeper for `mailer`. */
@Module({})
export class MailModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    const isMailer = roles.includes('mailer');
    return {
      module: MailModule,
      imports: isMailer ? [SqsClientsModule, consumer()] : [],
      providers: [Emails, Suppressions, ...(isMailer ? MAILER : [])],
    };
  }
}
