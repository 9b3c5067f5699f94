/** What the process of the SQS and SES stand-ins is told and what it answers. */

/** The stand-ins' region; any credentials will do. */
export const REGION = 'us-east-1';

export interface PortWish {
  port: number;
  /** True: this port or an error. False: another will do. */
  isFixed: boolean;
}

export interface ServicesOptions {
  dataDir: string;
  sqs?: PortWish;
  mailbox?: PortWish;
  /** Someone else's: not to be taken where another will do. */
  notPort?: number;
}

export interface ServicesReady {
  sqs?: string;
  queueUrl?: string;
  mailbox?: string;
}
