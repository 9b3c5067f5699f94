/**
 * platform: technical code without a product word — database and transactions, the outbox, the
 * queue's connection, HTTP conventions, health and logs. Owns the terms Event, Topic, Problem.
 * Refuses to know persons, credits or jobs.
 */
export { Database } from './database/database.js';
export type { Statement } from './database/database.js';
export { DatabaseModule, dataSourceOptions } from './database/database.module.js';
export type { Migration } from './database/database.module.js';
export { migrate } from './database/migrate.js';
export { Notifications } from './database/notifications.js';
export { SharedReads } from './database/shared-reads.js';
export { SharedTransactions } from './database/shared-transactions.js';
export { SharedWrites } from './database/shared-writes.js';
export { PLATFORM_MIGRATIONS } from './outbox/migrations.js';
export { defineTopic, Outbox } from './outbox/outbox.js';
export type { Topic } from './outbox/outbox.js';
export { GrowingPause } from './outbox/growing-pause.js';
export { OutboxDispatcher } from './outbox/outbox-dispatcher.js';
export type { OutboxEvent } from './outbox/outbox-dispatcher.js';
export { OutboxModule } from './outbox/outbox.module.js';
export { LaneLooks } from './queue/lane-looks.js';
export { addRecord, closeLane } from './queue/lane-records.js';
export type { LaneRecord } from './queue/lane-records.js';
export { migrateQueue, QueueModule } from './queue/queue.module.js';
export type { QueueConnection } from './queue/queue.module.js';
export { Characters } from './http/characters.js';
export { Access, ACCESS_METADATA } from './http/access.js';
export type { AccessRule } from './http/access.js';
export { Ahead, READ_AHEAD_METADATA, ReadAhead } from './http/read-ahead.js';
export type { AheadReader, AheadRequest } from './http/read-ahead.js';
export { defineErrors, DomainError } from './http/domain-error.js';
export { httpError } from './http/http-errors.js';
export { OpenApiParts } from './http/openapi-parts.js';
export { openApiDocument, serveOpenApi } from './http/openapi.js';
export { HttpModule } from './http/http.module.js';
export { Idempotency } from './http/idempotency.js';
export type { IdempotentResult } from './http/idempotency.js';
export { IdParam } from './http/id.js';
export { network, RateLimit, RateLimitGuard } from './http/rate-limit.guard.js';
export type { RouteLimit } from './http/rate-limit.guard.js';
export { RateLimits } from './http/rate-limits.js';
export { decodeCursor, PageQuery, toPage } from './http/page.dto.js';
export type { Page } from './http/page.dto.js';
export { PatientServer } from './http/server.js';
export { ProblemFilter } from './http/problem.filter.js';
export { Shutdown } from './http/shutdown.js';
export { validationFailed, validationPipe } from './http/validation.js';
export { isUuid } from './uuid.js';
export { ScheduleModule } from './schedule/schedule.module.js';
export { Timetable } from './schedule/timetable.js';
export { HealthChecks } from './telemetry/health.js';
export type { Health } from './telemetry/health.js';
export { loggerModule } from './telemetry/logger.js';
export { counter, gauge, histogram, MetricReadings } from './telemetry/metrics.js';
export { identifyRequest } from './telemetry/request-id.js';
export { TelemetryModule } from './telemetry/telemetry.module.js';
