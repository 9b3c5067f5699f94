import { Module, type DynamicModule } from '@nestjs/common';
import type { Role } from '../config/index.js';
import { AuditWatch } from './audit-watch.js';
import { CreditsAudit } from './credits-audit.service.js';
import { CreditsAdminController } from './credits-admin.controller.js';
import { CreditsController } from './credits.controller.js';
import { CreditsMetrics } from './credits-metrics.js';
import { Ledger } from './ledger.service.js';
import { Prices } from './prices.service.js';
import { SignUpGrant } from './sign-up-grant.js';
import { Statement } from './statement.service.js';

/** The ledger and the price list for every role; routes for `api`, the scheduled audit for `worker`. */
@Module({})
export class CreditsModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    return {
      module: CreditsModule,
      controllers: roles.includes('api') ? [CreditsController, CreditsAdminController] : [],
      providers: [
        Ledger,
        Prices,
        Statement,
        SignUpGrant,
        CreditsAudit,
        CreditsMetrics,
        ...(roles.includes('worker') ? [AuditWatch] : []),
      ],
      exports: [Ledger, Prices, Statement, CreditsAudit],
    };
  }
}
