import { fileURLToPath } from 'node:url';
import type { FactoryProvider } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { LocalStore } from './local-store.js';
import { OBJECT_STORE, type ObjectStore } from './object-store.js';
import { S3Store } from './s3-store.js';

/** STORAGE_URL chooses: `file:///folder` or `s3://bucket/prefix`. */
export const objectStoreProvider: FactoryProvider<ObjectStore> = {
  provide: OBJECT_STORE,
  inject: [Config],
  useFactory: (config: Config) => {
    const url = new URL(config.storage.url);
    return url.protocol === 's3:' ? S3Store.from(config, url) : new LocalStore(fileURLToPath(url));
  },
};
