/**
 * A process to be killed: stores outputs without end, four at a time, on the database and in the
 * folder that the environment names. Prints `ready` once it has begun. Runs from dist.
 */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthModule } from '../../dist/auth/index.js';
import { Config } from '../../dist/config/index.js';
import {
  DatabaseModule,
  HttpModule,
  OutboxModule,
  ScheduleModule,
  TelemetryModule,
} from '../../dist/platform/index.js';
import { Files, StorageModule } from '../../dist/storage/index.js';

class Root {}
const config = Config.from(process.env);
Module({})(Root);
const shared = (module) => ({ ...module, global: true });
const app = await NestFactory.createApplicationContext(
  {
    module: Root,
    imports: [
      {
        module: class Settings {},
        global: true,
        providers: [{ provide: Config, useValue: config }],
        exports: [Config],
      },
      DatabaseModule.forRoot([]),
      OutboxModule,
      HttpModule,
      ScheduleModule,
      TelemetryModule,
      shared(AuthModule.forRoles([])),
      shared(StorageModule.forRoles([])),
    ],
  },
  { logger: false },
);
const files = app.get(Files);
const userId = process.argv[2];
const bytes = randomBytes(700_000);
const loop = async () => {
  for (;;) {
    const output = { userId, jobId: randomUUID(), name: 'result', discriminator: 'p' };
    await files.saveOutput(output, bytes);
  }
};
const loops = [loop(), loop(), loop(), loop()];
console.log('ready');
await Promise.all(loops);
