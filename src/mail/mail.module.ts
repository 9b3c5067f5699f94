import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { SqsModule } from '@ssut/nestjs-sqs';
import { Config, type Role } from '../config/index.js';
import { Emails } from './emails.js';
import { ErasedMails } from './erased-mails.js';
import { EVENTS_QUEUE, FeedbackConsumer } from './feedback/feedback-consumer.js';
import { Feedback } from './feedback/feedback.js';
import { Suppressions } from './feedback/suppressions.js';
import { AccountLetters } from './letters/account-letters.js';
import { Addressing } from './letters/addressing.js';
import { JobLetters } from './letters/job-letters.js';
import { Letters } from './letters/letters.js';
import { ResultParts } from './letters/results.js';
import { MailMetrics } from './mail-metrics.js';
import { createQueues } from './queue/create-queues.js';
import { MAIL_QUEUE, MailConsumer } from './queue/consumer.js';
import { Orders } from './queue/orders.js';
import { receivePauses } from './queue/receive-pauses.js';
import { Relay } from './queue/relay.js';
import { LONG_POLL_SECONDS, SqsClients } from './queue/sqs-clients.js';
import { Sweeper } from './queue/sweeper.js';
import { checkTimes, visibilitySeconds } from './queue/times.js';
import { DailyLimit } from './requests/daily-limit.js';
import { JobEmailsController } from './requests/job-emails.controller.js';
import { JobEmails } from './requests/job-emails.service.js';
import { MailAdminController } from './requests/mail-admin.controller.js';
import { MailAdmin } from './requests/mail-admin.service.js';
import { Pace } from './sending/pace.js';
import { Sender } from './sending/sender.js';
import { SesGateway } from './sending/ses-gateway.js';

/** Mails that one mailer works on at a time. */
const PARALLEL = 10;

const MAILER: Provider[] = [
  AccountLetters,
  Addressing,
  Feedback,
  FeedbackConsumer,
  JobLetters,
  Letters,
  MailConsumer,
  MailMetrics,
  Orders,
  Pace,
  Relay,
  ResultParts,
  Sender,
  SesGateway,
  Sweeper,
];

/** Also for the command line, in every role. */
const SHARED: Provider[] = [Emails, ErasedMails, MailAdmin, Suppressions];
const API: Provider[] = [DailyLimit, JobEmails];

/** Shared with the library's own module, which asks for them while it starts. */
@Module({ providers: [SqsClients], exports: [SqsClients] })
class SqsClientsModule {}

const consumers = (): DynamicModule =>
  SqsModule.registerAsync({
    imports: [SqsClientsModule],
    inject: [Config, SqsClients],
    useFactory: async ({ aws, mail }: Config, clients: SqsClients) => {
      checkTimes(mail);
      const visibilityTimeout = visibilitySeconds(mail);
      if (mail.createQueues) {
        await createQueues(clients.sending, mail.queueUrl, visibilityTimeout);
      }
      const common = {
        region: aws.region,
        sqs: clients.receiving,
        batchSize: PARALLEL,
        waitTimeSeconds: LONG_POLL_SECONDS,
        visibilityTimeout,
        // The pauses below stand for it.
        authenticationErrorTimeout: 0,
        heartbeatInterval: Math.max(1, Math.floor(visibilityTimeout / 3)),
      };
      return {
        globalStopOptions: { abort: true },
        consumers: [
          { ...common, ...receivePauses(), name: MAIL_QUEUE, queueUrl: mail.queueUrl },
          ...(mail.eventsQueueUrl
            ? [
                {
                  ...common,
                  ...receivePauses(),
                  name: EVENTS_QUEUE,
                  queueUrl: mail.eventsQueueUrl,
                },
              ]
            : []),
        ],
      };
    },
  });

/** Rows and routes for `api`; the relay, the consumer and the sweeper for `mailer`. */
@Module({})
export class MailModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    const isApi = roles.includes('api');
    const isMailer = roles.includes('mailer');
    return {
      module: MailModule,
      imports: isMailer ? [SqsClientsModule, consumers()] : [],
      controllers: isApi ? [JobEmailsController, MailAdminController] : [],
      providers: [...SHARED, ...(isApi ? API : []), ...(isMailer ? MAILER : [])],
      exports: [MailAdmin],
    };
  }
}
