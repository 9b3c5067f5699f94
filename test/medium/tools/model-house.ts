import type { JobView } from '../../../src/jobs/index.js';
import type { Fault } from '../../../src/sandbox/tools/server.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { ToolStandIns } from '../../support/tools.js';

/** The product with Tripo3D's stand-in, and one customer who orders models. */
export class ModelHouse {
  private constructor(
    readonly standIns: ToolStandIns,
    readonly house: House,
    readonly customer: Customer,
  ) {}

  static async start(
    environment: Readonly<Record<string, string>> = {},
    standInArgs: readonly string[] = ['--task-ms=300', '--link-seconds=60'],
  ): Promise<ModelHouse> {
    const standIns = await ToolStandIns.start(standInArgs);
    const database = await testDatabase({ from: 'template' });
    const house = await House.start({
      databaseUrl: database.url,
      sandboxes: 0,
      environment: {
        ...standIns.environment,
        ...environment,
      },
    });
    return new ModelHouse(standIns, house, await house.customer());
  }

  script(...faults: readonly Fault[]): Promise<void> {
    return this.standIns.script('tripo', ...faults);
  }

  order(fields: Readonly<Record<string, unknown>> = {}): Promise<JobView> {
    return this.customer.orderTool('models-3d', { imageId: this.customer.imageId, ...fields });
  }

  async ordered(fields: Readonly<Record<string, unknown>> = {}, limitMs = 60_000) {
    return this.customer.ended((await this.order(fields)).id, limitMs);
  }

  async count(route: string): Promise<number> {
    return (await this.standIns.calls('tripo', route)).length;
  }

  /** How often `route` was called and what was charged while `work` went on. */
  async spent(route: string, work: () => Promise<unknown>) {
    const [calls, { available }] = [await this.count(route), await this.customer.credits()];
    await work();
    const after = await this.customer.credits();
    return {
      calls: (await this.count(route)) - calls,
      charged: available - after.available,
      reserved: after.reserved,
    };
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.house.url}/metrics`)).text();
  }

  async stop(): Promise<void> {
    await this.house.stop();
    await this.standIns.stop();
  }
}
