/**
 * The yardstick: a plain Nest application that only listens, reads one row, and pipes files.
 *   node bare-nest.mjs <database url or ''> <folder>
 * Prints `listening <url>`. Plain JavaScript: decorators are called as the functions that they are.
 */
import 'reflect-metadata';
import { createReadStream, createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Controller, Get, Module, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import pg from 'pg';

const [, , databaseUrl = '', folder = '.'] = process.argv;
const pool = databaseUrl ? new pg.Pool({ connectionString: databaseUrl, max: 12 }) : undefined;
const QUERY = 'SELECT id, status, workflow, created_at FROM jobs LIMIT 1';

class BareController {
  async row() {
    return (await pool.query(QUERY)).rows[0] ?? {};
  }

  post() {
    return this.row();
  }

  async save(request) {
    await pipeline(request, createWriteStream(path.join(folder, 'upload.bin')));
    return { saved: true };
  }

  async content(response) {
    response.set('content-type', 'application/octet-stream');
    await pipeline(createReadStream(path.join(folder, 'download.bin')), response);
  }
}

const route = (decorator, name, parameter) => {
  const descriptor = Object.getOwnPropertyDescriptor(BareController.prototype, name);
  decorator(BareController.prototype, name, descriptor);
  parameter?.(BareController.prototype, name, 0);
};
route(Get('row'), 'row');
route(Post('row'), 'post');
route(Post('files'), 'save', Req());
route(Get('files'), 'content', Res());
Controller()(BareController);

class BareModule {}
Module({ controllers: [BareController] })(BareModule);

const app = await NestFactory.create(BareModule, { logger: false });
await app.listen(0, '127.0.0.1');
console.log(`listening ${await app.getUrl()}`);
process.stdin.resume().on('end', () => process.exit(0));
