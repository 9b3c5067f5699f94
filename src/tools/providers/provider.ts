/**
 * What every outside service that makes something for a job has in common. Bytes go in, addresses
 * of bytes come out; no provider's own words leave its adapter.
 */

/** Why a call did not do what it was asked to. */
export type ProviderErrorKind =
  /** Our key or token is refused: the operator's matter. */
  | 'auth'
  /** Our account there is empty: the operator's matter. */
  | 'no-credit'
  /** The order itself is refused; the same again is refused again. */
  | 'invalid'
  /** The order is fine, but not offered to us: an old model version, or nothing that our account may do. */
  | 'not-offered'
  /** Surely not accepted, for the provider could not check it now; perhaps it never can. */
  | 'unchecked'
  /** The picture or the words break the provider's rules; never to be sent again. */
  | 'moderated'
  /** Too many at once; surely not accepted. */
  | 'throttled'
  /** No such task or file there. */
  | 'not-found'
  /** No answer or a broken one; as for a create, surely not accepted. */
  | 'unavailable'
  /** A create that may have been accepted. */
  | 'indeterminate'
  /** The task was accepted and went wrong. */
  | 'failed'
  /** The result's address does not work any more; a fresh look gives another. */
  | 'expired'
  /** What was offered as the result is not one, or may not be fetched. */
  | 'bad-result';

export interface ProviderErrorDetails {
  /** The provider's own code, for the log. */
  readonly code?: string | number;
  readonly traceId?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

export class ProviderError extends Error {
  readonly code: string | number | undefined;
  readonly traceId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly kind: ProviderErrorKind,
    message: string,
    details: ProviderErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.code = details.code;
    this.traceId = details.traceId;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

export interface Picture {
  readonly bytes: Buffer;
  readonly mimeType: string;
  readonly width: number;
  readonly height: number;
}

/** An order whose pictures are at the provider; making the task is all that is left. */
export interface PreparedTask {
  /** By which {@link TaskProvider.find} knows the task again; null where it cannot. */
  readonly marker: string | null;
  readonly body: unknown;
}

export type ResultForm = 'model' | 'picture';

export interface TaskResult {
  readonly name: string;
  readonly url: string;
  readonly form: ResultForm;
  /** The job succeeds without it. */
  readonly isOptional: boolean;
}

/** A task as its provider shows it. `unclear`: a state that we have never heard of. */
export type ProviderTask =
  | { readonly state: 'waiting' | 'cancelled' | 'unclear' }
  | { readonly state: 'running'; readonly percent: number | null }
  | { readonly state: 'succeeded'; readonly results: readonly TaskResult[] }
  | { readonly state: 'failed'; readonly error: ProviderError };

/** Tasks at a provider. Every method throws {@link ProviderError}. */
export interface TaskProvider {
  readonly name: string;
  /** A create costs nothing there: one whose outcome is unknown may be made again. */
  readonly isFree: boolean;
  readonly canCancel: boolean;
  /** False while the provider is known to be away: give it no new work. */
  readonly isAvailable: boolean;
  /** Makes the task and returns its id. Never repeats the call by itself unless surely not accepted. */
  create(prepared: PreparedTask): Promise<string>;
  /** The id of the task with this marker, for a create whose answer was lost. */
  find(marker: string, signal: AbortSignal): Promise<string | undefined>;
  /** The task's state; may wait for a change. Safe to repeat unless `isFree`. */
  look(taskId: string, signal: AbortSignal): Promise<ProviderTask>;
  cancel(taskId: string, signal: AbortSignal): Promise<void>;
  /** The bytes of a result, checked as they come: allowed host, size, first bytes. */
  download(result: TaskResult, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Makes 3D models from a picture. */
export interface ModelGenerator extends TaskProvider {
  prepare(request: ModelRequest, signal: AbortSignal): Promise<PreparedTask>;
  /** What is left in our account there, in the provider's own unit. */
  balance(signal: AbortSignal): Promise<number>;
}

export interface ModelRequest {
  readonly image: Picture;
  readonly options: ModelOptions;
}

export interface ModelOptions {
  readonly modelVersion: string;
  readonly texture?: boolean;
  readonly pbr?: boolean;
  readonly textureQuality?: 'standard' | 'detailed';
  readonly geometryQuality?: 'standard' | 'detailed';
  readonly faceLimit?: number;
  readonly quad?: boolean;
  readonly smartLowPoly?: boolean;
  readonly autoSize?: boolean;
  readonly orientation?: 'default' | 'align_image';
  readonly seed?: number;
}

/** Dresses the person of one picture in the garment of another. */
export interface TryOnProvider extends TaskProvider {
  /** Where it cannot find the place of a garment by itself. */
  readonly needsMaskFor: readonly GarmentCategory[];
  prepare(request: TryOnRequest, signal: AbortSignal): Promise<PreparedTask>;
}

export type GarmentCategory = 'upper_body' | 'lower_body' | 'dresses';

export interface TryOnRequest {
  readonly person: Picture;
  readonly garment: Picture;
  /** White where the garment goes; same size as the person's picture. */
  readonly mask?: Picture;
  readonly description: string;
  readonly category: GarmentCategory;
  readonly steps: number;
  readonly seed: number;
}
