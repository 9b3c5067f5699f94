import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

export type OpenApiPart = (document: OpenAPIObject) => void;

/** What modules know about their routes only at run time, such as configured workflows. */
@Injectable()
export class OpenApiParts {
  // Undefined in Nest's preview mode, where nothing is constructed: the document is then of the code alone.
  private readonly parts: OpenApiPart[] | undefined = [];

  /** Completes every document that is made from now on; call while the application starts. */
  add(part: OpenApiPart): void {
    this.parts?.push(part);
  }

  complete(document: OpenAPIObject): OpenAPIObject {
    for (const part of this.parts ?? []) part(document);
    return document;
  }
}
