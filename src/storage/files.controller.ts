import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiConflictResponse,
  ApiConsumes,
  ApiCreatedResponse,
  ApiHeader,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiPayloadTooLargeResponse,
  ApiProduces,
  ApiTags,
  ApiUnprocessableEntityResponse,
  ApiUnsupportedMediaTypeResponse,
} from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { CurrentPerson, type Person } from '../auth/index.js';
import { Access, IdParam, Idempotency } from '../platform/index.js';
import { FileContent } from './content.js';
import { FileRecords } from './file-records.js';
import { FilesPage, FilesQuery, FileView, LinkRequest, LinkView, UploadForm } from './files.dto.js';
import { Files } from './files.service.js';
import { THUMBNAIL_SIZES } from './keys.js';
import { FileLinks } from './links.service.js';
import { filesError } from './storage.errors.js';

/** A person's own files: save, list, fetch, link, delete. */
@ApiTags('Files')
@Access('user')
@Controller('v1/files')
export class FilesController {
  constructor(
    private readonly files: Files,
    private readonly records: FileRecords,
    private readonly content: FileContent,
    private readonly links: FileLinks,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Save a picture',
    description:
      'JPEG, PNG, WebP, AVIF, TIFF or HEIC. Kept upright, in sRGB and without metadata; lossless pictures stay lossless. The same bytes give the same file.',
  })
  @ApiConsumes('multipart/form-data')
  @ApiBody({ type: UploadForm })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ type: FileView })
  @ApiBadRequestResponse({ description: '`files.missing`, `files.malformed_form`' })
  @ApiPayloadTooLargeResponse({ description: '`files.too_large`: megabytes or megapixels' })
  @ApiUnsupportedMediaTypeResponse({ description: '`files.unsupported_type`' })
  @ApiUnprocessableEntityResponse({ description: '`files.unreadable`: damaged or incomplete' })
  async upload(
    @CurrentPerson() person: Person,
    @Req() request: Request,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<FileView> {
    const { file, sourceSha256 } = await this.files.receive(request, person, { field: 'file' });
    if (!file) throw filesError('files.missing', 'Send the picture in the field "file".');
    const { resourceId } = await this.idempotency.once(
      { userId: person.id, key, route: 'POST /v1/files', body: { sourceSha256 } },
      async () => ({ status: 201, resourceId: file.id }),
    );
    return this.files.view(await this.records.getOwn(person.id, resourceId));
  }

  @Get()
  @ApiOperation({ summary: 'List your files, newest first' })
  @ApiOkResponse({ type: FilesPage })
  async list(@CurrentPerson() person: Person, @Query() query: FilesQuery): Promise<FilesPage> {
    const page = await this.records.list(person.id, query);
    return { ...page, items: page.items.map((file) => this.files.view(file)) };
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read one file' })
  @ApiOkResponse({ type: FileView })
  @ApiNotFoundResponse({ description: '`files.not_found`' })
  async read(@CurrentPerson() person: Person, @Param('id') id: string): Promise<FileView> {
    return this.files.view(await this.records.getOwn(person.id, id));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Delete a file and its bytes' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`files.not_found`' })
  @ApiConflictResponse({ description: '`files.in_use`: an open job uses it' })
  async remove(@CurrentPerson() person: Person, @Param('id') id: string): Promise<void> {
    await this.files.delete(person.id, id);
  }

  @Get(':id/content')
  @ApiOperation({
    summary: 'Fetch the bytes',
    description: 'With `ETag` (`If-None-Match` → 304) and one `Range` (→ 206).',
  })
  @ApiProduces('image/png', 'image/jpeg', 'application/octet-stream')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiNotFoundResponse({ description: '`files.not_found`' })
  async bytes(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.content.send(await this.records.getOwn(person.id, id), request, response, 0);
  }

  @Get(':id/thumbnails/:size')
  @ApiOperation({ summary: 'Fetch a small WebP of a picture' })
  @ApiParam({ name: 'size', enum: [...THUMBNAIL_SIZES], example: 256 })
  @ApiProduces('image/webp')
  @ApiOkResponse({ schema: { type: 'string', format: 'binary' } })
  @ApiNotFoundResponse({ description: '`files.not_found`: also for what is no picture' })
  async thumbnail(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @Param('size') given: string,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const file = await this.records.getOwn(person.id, id);
    const size = THUMBNAIL_SIZES.find((known) => String(known) === given);
    if (!size) throw filesError('files.not_found', 'Thumbnails have the sizes 256 and 1024.');
    await this.content.sendThumbnail(file, size, request, response, 0);
  }

  @Post(':id/links')
  @ApiOperation({ summary: 'Make a link that works without a login' })
  @ApiHeader({ name: 'Idempotency-Key', required: false })
  @ApiCreatedResponse({ type: LinkView })
  @ApiNotFoundResponse({ description: '`files.not_found`' })
  async link(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @Body() body: LinkRequest,
    @Headers('idempotency-key') key: string | undefined,
  ): Promise<LinkView> {
    const file = await this.records.getOwn(person.id, id);
    const { resourceId } = await this.idempotency.once(
      { userId: person.id, key, route: `POST /v1/files/${file.id}/links`, body },
      async () => {
        const { id: linkId } = await this.links.create(file.id, body.expiresInSeconds);
        return { status: 201, resourceId: linkId };
      },
    );
    const link = await this.links.get(file.id, resourceId);
    return { id: link.id, url: link.url, expiresAt: link.expiresAt.toISOString() };
  }

  @Delete(':id/links/:linkId')
  @HttpCode(204)
  @ApiOperation({ summary: 'Withdraw a link' })
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ description: '`files.not_found`' })
  async withdraw(
    @CurrentPerson() person: Person,
    @Param('id') id: string,
    @IdParam('linkId') linkId: string,
  ): Promise<void> {
    const file = await this.records.getOwn(person.id, id);
    await this.links.revoke(file.id, linkId);
  }
}
