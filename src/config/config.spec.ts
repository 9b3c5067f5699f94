import { describe, expect, it } from 'vitest';
import { Config, ConfigError, readStartSettings } from './config.js';

const complete = {
  DATABASE_URL: 'postgres://u:p@127.0.0.1/db',
  COMFYUI_URLS: 'http://127.0.0.1:8188, http://127.0.0.1:8189/',
  STORAGE_URL: 's3://bucket/prefix',
  SQS_QUEUE_URL: 'http://127.0.0.1/q',
  AWS_REGION: 'eu-west-1',
  MAIL_FROM: 'House <a@b.example>',
  PUBLIC_URL: 'https://api.example/',
  JWT_KEY: 'j'.repeat(32),
  LINK_KEY: 'l'.repeat(32),
};

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'nothing thrown';
};

describe('Config', () => {
  it('gives typed slices and trims slashes', () => {
    const config = Config.from(complete);
    expect(config.comfy.urls).toEqual(['http://127.0.0.1:8188', 'http://127.0.0.1:8189']);
    expect(config.http.publicUrl).toBe('https://api.example');
    expect(Object.isFrozen(config.http)).toBe(true);
  });

  it('refuses keys that anybody could guess in production, by name and without telling them', () => {
    const guess = 'changeme-changeme-changeme-changeme';
    const message = messageOf(() => Config.from({ NODE_ENV: 'production', JWT_KEY: guess }));
    expect(message).toContain('JWT_KEY: an example or default is refused in production');
    expect(message).not.toContain(guess);
    const key = 'kU3rVb0Zq8f1s5Yw2mXnT7cLd4hJ9gPa';
    const both = { NODE_ENV: 'production', JWT_KEY: key, LINK_KEY: key };
    expect(messageOf(() => Config.from(both))).toContain('JWT_KEY and LINK_KEY are the same');
    const other = 'Zq8f1s5Yw2mXnT7cLd4hJ9gPakU3rVb0';
    const fine = messageOf(() => Config.from({ ...both, LINK_KEY: other }));
    expect(fine).not.toMatch(/(JWT|LINK)_KEY/);
  });

  it('names each variable that production needs', () => {
    const message = messageOf(() => Config.from({ NODE_ENV: 'production' }));
    for (const name of Object.keys(complete)) expect(message).toContain(`${name} is required`);
    expect(message).not.toContain('REDIS_URL');
  });

  it('names a wrong value and what would be accepted', () => {
    expect(messageOf(() => readStartSettings({ PORT: 'eighty' }))).toContain(
      'PORT: "eighty" is not accepted; give a whole number from 0 to 65535.',
    );
  });

  it('does not print a secret', () => {
    const message = messageOf(() => Config.from({ ...complete, JWT_KEY: 'too-short-secret' }));
    expect(message).toContain('JWT_KEY');
    expect(message).not.toContain('too-short-secret');
  });

  it('treats an empty value as not set', () => {
    expect(readStartSettings({ PORT: ' ' }).port).toBe(3000);
  });
});
