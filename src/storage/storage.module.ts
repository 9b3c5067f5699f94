import { Module, type DynamicModule } from '@nestjs/common';
import type { Role } from '../config/index.js';
import { HealthChecks } from '../platform/index.js';
import { FileBytes } from './bytes.service.js';
import { FileContent } from './content.js';
import { Deletion } from './deletion.service.js';
import { FilesErasure } from './erasure.js';
import { FileRecords } from './file-records.js';
import { FileWriter } from './file-writer.js';
import { FilesController } from './files.controller.js';
import { Files } from './files.service.js';
import { LinksController } from './links.controller.js';
import { FileLinks } from './links.service.js';
import { Outputs } from './outputs.service.js';
import { Pictures } from './picture/pictures.js';
import { OBJECT_STORE, type ObjectStore } from './store/object-store.js';
import { objectStoreProvider } from './store/object-store.provider.js';
import { Thumbnails } from './thumbnails.service.js';
import { Expiry } from './upkeep/expiry.js';
import { Leftovers } from './upkeep/leftovers.js';
import { StorageAudit } from './upkeep/storage-audit.service.js';
import { StorageUpkeep } from './upkeep/storage-upkeep.js';
import { FileUsage } from './usage.service.js';
import { Uploads } from './upload/uploads.js';
import { Workspace } from './workspace.js';

/** Files for every role; routes only for `api`. */
@Module({})
export class StorageModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    return {
      module: StorageModule,
      controllers: roles.includes('api') ? [FilesController, LinksController] : [],
      providers: [
        objectStoreProvider,
        Workspace,
        Pictures,
        FileRecords,
        FileWriter,
        Uploads,
        Outputs,
        FileLinks,
        Files,
        FileBytes,
        FileContent,
        Deletion,
        FileUsage,
        Thumbnails,
        FilesErasure,
        StorageAudit,
        ...(roles.includes('worker') ? [Expiry, Leftovers, StorageUpkeep] : []),
        {
          provide: 'storage-health',
          inject: [HealthChecks, OBJECT_STORE],
          useFactory: (health: HealthChecks, store: ObjectStore) =>
            health.add('storage', async () => {
              await store.check();
              return { ok: true };
            }),
        },
      ],
      exports: [Files, StorageAudit],
    };
  }
}
