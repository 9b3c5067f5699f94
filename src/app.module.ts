import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AUTH_MIGRATIONS, AuthGuard, AuthModule } from './auth/index.js';
import { ComfyModule } from './comfy/index.js';
import { Config } from './config/index.js';
import { CREDITS_MIGRATIONS, CreditsModule } from './credits/index.js';
import { DashboardModule } from './dashboard.module.js';
import { JOBS_MIGRATIONS, JobsModule } from './jobs/index.js';
import { MAIL_MIGRATIONS, MailModule } from './mail/index.js';
import {
  DatabaseModule,
  HttpModule,
  loggerModule,
  OutboxModule,
  PLATFORM_MIGRATIONS,
  ProblemFilter,
  QueueModule,
  RateLimitGuard,
  ScheduleModule,
  TelemetryModule,
  validationPipe,
  type Migration,
} from './platform/index.js';
import { STORAGE_MIGRATIONS, StorageModule } from './storage/index.js';
import { ToolsModule } from './tools/index.js';

/** Every migration of the product; TypeORM runs them by the time in their class name. */
export const MIGRATIONS: readonly Migration[] = [
  ...PLATFORM_MIGRATIONS,
  ...AUTH_MIGRATIONS,
  ...STORAGE_MIGRATIONS,
  ...CREDITS_MIGRATIONS,
  ...JOBS_MIGRATIONS,
  ...MAIL_MIGRATIONS,
];

@Global()
@Module({})
class ConfigModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: Config, useValue: config }],
      exports: [Config],
    };
  }
}

/** One instance for every module of the process: each is made here and nowhere else. */
const shared = (module: DynamicModule): DynamicModule => ({ ...module, global: true });

/** The composition root: which modules each role needs, and the global pipe, filter and guard. */
@Module({})
export class AppModule {
  static forRoot(config: Config): DynamicModule {
    const { roles } = config.process;
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        loggerModule(),
        DatabaseModule.forRoot(MIGRATIONS),
        OutboxModule,
        QueueModule.forRoot(),
        HttpModule,
        ScheduleModule,
        TelemetryModule,
        // Routes are tried in this order: those that clients ask again and again come first.
        shared(JobsModule.forRoles(roles)),
        shared(AuthModule.forRoles(roles)),
        shared(StorageModule.forRoles(roles)),
        shared(CreditsModule.forRoles(roles)),
        ComfyModule.forRoot(config),
        ToolsModule.forRoot(config),
        MailModule.forRoles(roles),
        ...(roles.includes('api') ? [DashboardModule.forRoot(config)] : []),
      ],
      providers: [
        { provide: APP_PIPE, useFactory: validationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useExisting: AuthGuard },
        { provide: APP_GUARD, useExisting: RateLimitGuard },
      ],
    };
  }
}
