import { Module, type DynamicModule } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Config, type Role } from '../config/index.js';
import { AccessTokens, jwtOptions } from './access/access-tokens.js';
import { AuthGuard } from './access/auth.guard.js';
import { Callers } from './access/callers.service.js';
import { OpenResponses } from './access/open-responses.js';
import { RequestOrigin } from './access/request-origin.js';
import { StreamAccess } from './access/stream-access.js';
import { AdminAuditController } from './admin/admin-audit.controller.js';
import { AdminUsersController } from './admin/admin-users.controller.js';
import { Administration } from './admin/admin.service.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeys } from './api-keys/api-keys.service.js';
import { AuditTrail } from './audit/audit-trail.service.js';
import { AuthUpkeep } from './auth-upkeep.js';
import { AuthController } from './auth.controller.js';
import { GoogleController } from './google/google.controller.js';
import { GoogleFlows } from './google/google-flows.js';
import { GoogleGuard } from './google/google.guard.js';
import { GoogleIdTokens } from './google/google-id-tokens.js';
import { GoogleProvider } from './google/google-provider.js';
import { GoogleSignIn } from './google/google-sign-in.service.js';
import { IdentitiesController } from './google/identities.controller.js';
import { Identities } from './google/identities.service.js';
import { LoginCodes } from './google/login-codes.service.js';
import { AccountLinks } from './links/account-links.service.js';
import { AccountMails } from './links/account-mails.service.js';
import { LinkPagesController } from './links/link-pages.controller.js';
import { PasswordHasher } from './passwords/password-hasher.js';
import { CredentialsController } from './people/credentials.controller.js';
import { Credentials } from './people/credentials.service.js';
import { Erasure } from './people/erasure.service.js';
import { LifeHooks } from './people/life-hooks.js';
import { MeController } from './people/me.controller.js';
import { People } from './people/people.service.js';
import { User } from './people/user.entity.js';
import { SessionList } from './sessions/session-list.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { Sessions } from './sessions/sessions.service.js';
import { BasicLogin } from './sign-in/basic-login.service.js';
import { Login } from './sign-in/login.service.js';
import { Recovery } from './sign-in/recovery.service.js';
import { Registration } from './sign-in/registration.service.js';
import { Verification } from './sign-in/verification.service.js';

const CONTROLLERS = [
  AuthController,
  MeController,
  CredentialsController,
  SessionsController,
  GoogleController,
  IdentitiesController,
  ApiKeysController,
  AdminUsersController,
  AdminAuditController,
  LinkPagesController,
];

const ACCESS = [
  AccessTokens,
  ApiKeys,
  AuthGuard,
  Callers,
  OpenResponses,
  RequestOrigin,
  StreamAccess,
];
const ACCOUNTS = [
  Administration,
  AuditTrail,
  Credentials,
  Erasure,
  LifeHooks,
  PasswordHasher,
  People,
  SessionList,
  Sessions,
];
const GOOGLE = [
  GoogleFlows,
  GoogleGuard,
  GoogleIdTokens,
  GoogleProvider,
  GoogleSignIn,
  Identities,
  LoginCodes,
];
const SIGN_IN = [
  AccountLinks,
  AccountMails,
  BasicLogin,
  Login,
  Recovery,
  Registration,
  Verification,
];

/** Accounts. The same services in every role; routes only where the API is. */
@Module({})
export class AuthModule {
  static forRoles(roles: readonly Role[]): DynamicModule {
    return {
      module: AuthModule,
      imports: [
        TypeOrmModule.forFeature([User]),
        JwtModule.registerAsync({ inject: [Config], useFactory: jwtOptions }),
      ],
      controllers: roles.includes('api') ? CONTROLLERS : [],
      providers: [
        ...ACCESS,
        ...ACCOUNTS,
        ...SIGN_IN,
        ...GOOGLE,
        ...(roles.includes('worker') ? [AuthUpkeep] : []),
      ],
      exports: [AccountLinks, AuditTrail, AuthGuard, People, StreamAccess],
    };
  }
}
