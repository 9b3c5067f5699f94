import { Module, type DynamicModule } from '@nestjs/common';
import type { Role } from '../config/index.js';
import { Ledger } from './ledger.service.js';
import { Prices } from './prices.service.js';
import { Statement } from './statement.service.js';

/** The ledger and the price list for every role; routes only for `api`. */
@Module({})
export class CreditsModule {
  static forRoles(_roles: readonly Role[]): DynamicModule {
    return {
      module: CreditsModule,
      providers: [Ledger, Prices, Statement],
      exports: [Ledger, Prices, Statement],
    };
  }
}
