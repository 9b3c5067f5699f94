import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JobError, JobKind, JobStatus } from './job.js';

/** A job's row: the truth about it. Written through SQL with fences, read through this entity. */
@Entity('jobs')
export class Job {
  @PrimaryColumn('uuid') id: string;
  @Column('uuid', { name: 'user_id' }) userId: string;
  @Column('text') kind: JobKind;
  @Column('text') workflow: string;
  @Column('text') title: string;
  @Column('text', { nullable: true }) variant: string | null;
  @Column('text') status: JobStatus;
  @Column('jsonb') parameters: Record<string, unknown>;
  @Column('integer') credits: number;
  @Column('bigint') turn: number;
  @Column('bigint') sequence: number;
  @Column('integer', { name: 'lease_epoch' }) leaseEpoch: number;
  @Column('text', { name: 'lease_owner', nullable: true }) leaseOwner: string | null;
  @Column('timestamptz', { name: 'lease_until', nullable: true }) leaseUntil: Date | null;
  @Column('text', { name: 'instance_id', nullable: true }) instanceId: string | null;
  @Column('uuid', { name: 'prompt_id', nullable: true }) promptId: string | null;
  @Column('integer') starts: number;
  @Column('integer', { name: 'memory_retries' }) memoryRetries: number;
  @Column('real', { name: 'progress_percent' }) progressPercent: number;
  @Column('text', { name: 'progress_step', nullable: true }) progressStep: string | null;
  @Column('integer', { name: 'event_sequence' }) eventSequence: number;
  @Column('timestamptz', { name: 'cancel_requested_at', nullable: true })
  cancelRequestedAt: Date | null;
  @Column('jsonb', { nullable: true }) error: JobError | null;
  @Column('timestamptz', { name: 'deadline_at', nullable: true }) deadlineAt: Date | null;
  @Column('timestamptz', { name: 'created_at' }) createdAt: Date;
  @Column('timestamptz', { name: 'started_at', nullable: true }) startedAt: Date | null;
  @Column('timestamptz', { name: 'finished_at', nullable: true }) finishedAt: Date | null;
}
