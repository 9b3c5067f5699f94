import { Global, Module } from '@nestjs/common';
import { Timetable } from './timetable.js';

/** Work that repeats. */
@Global()
@Module({ providers: [Timetable], exports: [Timetable] })
export class ScheduleModule {}
