import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../app.module.js';
import { describeBuiltInWorkflows } from '../../comfy/index.js';
import { openApiDocument } from '../../platform/index.js';
import type { Command } from '../command.js';
import { detachedConfig } from '../environment.js';
import { writeProjectFile } from './project.js';

export const openapi: Command = {
  summary: 'Writes openapi.json, the description of every route; needs no database and no server.',
  usage: '',

  async run(args) {
    parseArgs({ args });
    // Preview: the modules are wired but nothing is made, so nothing connects anywhere.
    const config = detachedConfig();
    const app = await NestFactory.create(AppModule.forRoot(config), {
      preview: true,
      logger: ['error'],
      abortOnError: false,
    });
    const document = openApiDocument(app);
    describeBuiltInWorkflows(document, config);
    await writeProjectFile('openapi.json', `${JSON.stringify(document, null, 2)}\n`);
    return 0;
  },
};
