import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension, ApiSecurity } from '@nestjs/swagger';

/**
 * Who may call a route: `public` anyone; `user` a logged-in person; `admin` an admin;
 * `stream` a logged-in person or the holder of a stream token for that job.
 */
export type AccessRule = 'public' | 'user' | 'admin' | 'stream';

export const ACCESS_METADATA = 'access';

/**
 * Every route declares its rule; the guard refuses a route without one, and lint finds it. The
 * OpenAPI document shows it as `x-access`.
 */
export const Access = (rule: AccessRule) =>
  applyDecorators(
    SetMetadata(ACCESS_METADATA, rule),
    ApiExtension('x-access', rule),
    ...(rule === 'public' ? [] : [ApiSecurity('bearer')]),
  );
