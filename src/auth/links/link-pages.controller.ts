import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Access } from '../../platform/index.js';
import { LINK_PAGE_HEADERS, linkPage } from './link-page.js';

/** The pages that links in mails open where there is no frontend. They use nothing up. */
@ApiExcludeController()
@Access('public')
@Controller()
export class LinkPagesController {
  @Get('verify-email')
  verifyEmail(@Query('token') token: unknown, @Res() response: Response): void {
    response.set(LINK_PAGE_HEADERS).type('html').send(linkPage('verify-email', token));
  }

  @Get('reset-password')
  resetPassword(@Query('token') token: unknown, @Res() response: Response): void {
    response.set(LINK_PAGE_HEADERS).type('html').send(linkPage('reset-password', token));
  }
}
