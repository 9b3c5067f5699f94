import { timingSafeEqual } from 'node:crypto';
import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { register } from 'prom-client';
import { Config } from '../../config/index.js';
import { Access } from '../http/access.js';
import { errorCatalogue } from '../http/domain-error.js';
import { httpError } from '../http/http-errors.js';
import { HealthChecks } from './health.js';
import { MetricReadings } from './metrics.js';

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

const equals = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};

/** Pages for operators: liveness, readiness, metrics and the meaning of each error code. */
@ApiExcludeController()
@Access('public')
@Controller()
export class OperationsController {
  constructor(
    private readonly health: HealthChecks,
    private readonly config: Config,
    private readonly readings: MetricReadings,
  ) {}

  /** The process answers; says nothing of what it depends on. */
  @Get('health/live')
  live() {
    return { status: 'ok' };
  }

  /** 200 when every dependency answers, else 503; each is named. */
  @Get('health/ready')
  async ready(@Res() response: Response): Promise<void> {
    const { ok, checks } = await this.health.run();
    response.status(ok ? 200 : 503).json({ status: ok ? 'ok' : 'unavailable', checks });
  }

  /** Prometheus text; from other machines only with METRICS_TOKEN. */
  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  async metrics(@Req() request: Request, @Res() response: Response): Promise<void> {
    const token = this.config.http.metricsToken;
    const given = request.headers.authorization ?? '';
    const isLocal =
      LOOPBACK.test(request.socket.remoteAddress ?? '') && !request.headers['x-forwarded-for'];
    if (!isLocal && !(token && equals(given, `Bearer ${token}`))) {
      throw httpError('http.unauthorized', 'Send METRICS_TOKEN as "Authorization: Bearer …".');
    }
    await this.readings.refresh();
    response.type(register.contentType).send(await register.metrics());
  }

  /** What each `type` of a problem document means. */
  @Get('problems{/:code}')
  problems(@Req() request: Request) {
    const code = request.params['code'];
    const all = [...errorCatalogue()].map(([name, kind]) => ({ code: name, ...kind }));
    if (code === undefined) return { items: all };
    const found = all.find((entry) => entry.code === code);
    if (!found) throw httpError('http.not_found', 'No error has this code; see /problems for all.');
    return found;
  }
}
