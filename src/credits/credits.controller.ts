import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentPerson, type Person } from '../auth/index.js';
import { Access } from '../platform/index.js';
import {
  BalanceView,
  EntriesPage,
  EntriesQuery,
  entryView,
  PriceList,
  QuoteRequest,
  QuoteView,
} from './credits.dto.js';
import { Ledger } from './ledger.service.js';
import { Prices } from './prices.service.js';
import { Statement } from './statement.service.js';

/** A person's credits: the balance, the statement, prices and quotes. */
@ApiTags('Credits')
@Access('user')
@Controller('v1/credits')
export class CreditsController {
  constructor(
    private readonly ledger: Ledger,
    private readonly statement: Statement,
    private readonly prices: Prices,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Read your balance' })
  @ApiOkResponse({ type: BalanceView })
  balance(@CurrentPerson() person: Person): Promise<BalanceView> {
    return this.ledger.balanceOf(person.id);
  }

  @Get('entries')
  @ApiOperation({ summary: 'Read your statement, newest first, with running balances' })
  @ApiOkResponse({ type: EntriesPage })
  async entries(
    @CurrentPerson() person: Person,
    @Query() query: EntriesQuery,
  ): Promise<EntriesPage> {
    const page = await this.statement.list(person.id, query);
    return { ...page, items: page.items.map(entryView) };
  }

  @Get('prices')
  @ApiOperation({ summary: 'List what each workflow costs' })
  @ApiOkResponse({ type: PriceList })
  priceList(): PriceList {
    return { items: this.prices.all() };
  }

  @Post('quotes')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ask what a job would cost and whether you have enough' })
  @ApiOkResponse({ type: QuoteView })
  @ApiNotFoundResponse({ description: '`credits.unknown_workflow`' })
  async quote(@CurrentPerson() person: Person, @Body() body: QuoteRequest): Promise<QuoteView> {
    const credits = this.prices.of(body.workflow);
    const { available } = await this.ledger.balanceOf(person.id);
    return { credits, available, enough: available >= credits };
  }
}
