import { Config } from '../../src/config/index.js';

/** Keys that are as good as any other. */
export const TEST_KEYS = {
  JWT_KEY: 'test-jwt-key-0123456789-0123456789',
  LINK_KEY: 'test-link-key-0123456789-0123456789',
} as const;

/** A complete configuration for tests; `overrides` are environment variables. */
export const testConfig = (overrides: Readonly<Record<string, string>>): Config =>
  Config.from({
    NODE_ENV: 'test',
    PORT: '0',
    LOG_LEVEL: 'silent',
    DATABASE_URL: 'postgres://unset@127.0.0.1:1/unset',
    COMFYUI_URLS: 'http://127.0.0.1:1',
    SQS_QUEUE_URL: 'http://127.0.0.1:1/mail',
    ...TEST_KEYS,
    PUBLIC_URL: 'http://localhost:3000',
    ...overrides,
  });
