import { All, Controller, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../platform/index.js';
import { FileBytes } from './bytes.service.js';
import { FileContent } from './content.js';
import { FileLinks } from './links.service.js';

const MAX_CACHE_SECONDS = 300;

/** Signed links to files: the signature is the permission. */
@ApiTags('Files')
@Access('public')
@Controller('v1/links')
export class LinksController {
  constructor(
    private readonly links: FileLinks,
    private readonly content: FileContent,
    private readonly bytes: FileBytes,
  ) {}

  // Every method: what was not signed is refused as a bad link and not as a missing page.
  @All(':fileId')
  @ApiExcludeEndpoint()
  async open(
    @Param('fileId') fileId: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const link = await this.links.open(request.method, fileId, request.query);
    const left = Math.floor((link.expiresAt.getTime() - Date.now()) / 1_000);
    const direct = link.size ? undefined : await this.bytes.directUrl(link.file);
    if (direct) {
      response.set('Cache-Control', 'no-store').redirect(302, direct);
      return;
    }
    const cacheSeconds = Math.min(left, MAX_CACHE_SECONDS);
    if (link.size) {
      await this.content.sendThumbnail(link.file, link.size, request, response, cacheSeconds);
    } else await this.content.send(link.file, request, response, cacheSeconds);
  }
}
