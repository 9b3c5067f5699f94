import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { AppModule } from '../app.module.js';
import type { Config } from '../config/index.js';
import { DomainError } from '../platform/index.js';
import { CommandFailed } from './command.js';
import { findInstallation } from './environment.js';

/**
 * Runs `work` with the services of the product, in the role api and without listening: nothing is
 * taken from any queue. A refusal of the product becomes a CommandFailed.
 */
export const withApplication = async <T>(
  config: Config,
  work: (app: INestApplication) => Promise<T>,
): Promise<T> => {
  const app = await NestFactory.create(AppModule.forRoot(config), {
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  try {
    await app.init();
    return await work(app);
  } catch (error) {
    if (error instanceof DomainError) throw new CommandFailed(`${error.code}: ${error.message}`);
    throw error;
  } finally {
    await app.close();
  }
};

/** {@link withApplication} on the installation that the environment names. */
export const withInstallation = async <T>(
  work: (app: INestApplication) => Promise<T>,
): Promise<T> => withApplication((await findInstallation()).config, work);
