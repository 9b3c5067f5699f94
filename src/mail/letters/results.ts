import { Injectable, Logger } from '@nestjs/common';
import pLimit from 'p-limit';
import { Config } from '../../config/index.js';
import type { JobSummary } from '../../jobs/index.js';
import { DomainError } from '../../platform/index.js';
import { Files, type StoredFile } from '../../storage/index.js';
import type { InlinePicture } from '../sending/mime.js';
import { oneLine, plainLines } from '../sending/plain-words.js';
import { inlinePicture } from './inline-picture.js';
import { labelOf, sizeInWords } from './wording.js';

type Output = JobSummary['outputs'][number];

export interface Results {
  readonly pictures: readonly (InlinePicture & { readonly alt: string })[];
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** When the first of the links ends; undefined: there is none. */
  readonly expiresAt: Date | undefined;
}

const MOST_PICTURES = 3;
const TEXT_LENGTH = 10_000;
/** Full-size pictures take a core for seconds: one, whatever the number of mails in hand. */
const onePictureAtATime = pLimit(1);

const isDeleted = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'files.not_found';

/** What a mail shows of a job's outputs: pictures small and inline, files as links, texts as text. */
@Injectable()
export class ResultParts {
  private readonly logger = new Logger(ResultParts.name);

  constructor(
    private readonly files: Files,
    private readonly config: Config,
  ) {}

  /** Skips what was deleted since. Each call makes new links, good for MAIL_LINK_DAYS. */
  async of(outputs: readonly Output[]): Promise<Results> {
    const texts = outputs.flatMap(({ name, text }) =>
      text === undefined ? [] : [{ name, text: plainLines(text, TEXT_LENGTH) }],
    );
    const files: { output: Output; file: StoredFile }[] = [];
    for (const output of outputs) {
      const file = output.fileId === undefined ? undefined : await this.files.find(output.fileId);
      if (file) files.push({ output, file });
    }
    const pictures: Results['pictures'][number][] = [];
    const links: Results['links'][number][] = [];
    let expiresAt: Date | undefined;
    for (const { output, file } of files) {
      const picture =
        pictures.length < MOST_PICTURES ? await this.picture(output, file) : undefined;
      if (picture) pictures.push(picture);
      const link = await this.link(file);
      if (!link) continue;
      expiresAt ??= link.expiresAt;
      const label = `Download ${labelOf(output.name)} (${sizeInWords(file.sizeBytes)})`;
      links.push({ label, url: link.url });
    }
    return { pictures, texts, links, expiresAt };
  }

  private async link(file: StoredFile): Promise<{ url: string; expiresAt: Date } | undefined> {
    const expiresInSeconds = Math.floor(this.config.mail.linkDays * 86_400);
    try {
      return await this.files.link(file.id, { expiresInSeconds });
    } catch (error) {
      if (isDeleted(error)) return undefined;
      throw error;
    }
  }

  private async picture(
    output: Output,
    file: StoredFile,
  ): Promise<Results['pictures'][number] | undefined> {
    if (!file.mimeType.startsWith('image/')) return undefined;
    return onePictureAtATime(async () => {
      const name = oneLine(output.name, 60);
      try {
        const picture = await this.files.useFile(file.id, (source) =>
          inlinePicture(source, `${file.id}@result`, name),
        );
        return { ...picture, alt: labelOf(name) };
      } catch (error) {
        if (isDeleted(error)) return undefined;
        if (error instanceof DomainError) throw error;
        // The link still leads to it.
        this.logger.warn({ err: error, fileId: file.id }, 'a picture is not shown in its mail');
        return undefined;
      }
    });
  }
}
